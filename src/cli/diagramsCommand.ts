// `switchgear diagrams`: draws the machines, or with --check says which drawings are stale.
import type { Command } from 'commander'
import { writeDiagrams } from './diagrams/writeDiagrams.ts'

interface DiagramsFlags {
  readonly out: string
  readonly docs?: string
  readonly check?: boolean
  readonly json?: boolean
}

export function addDiagramsCommand(program: Command): void {
  program
    .command('diagrams')
    .description('write Mermaid and SVG pictures of every machine (SVG needs the package elkjs)')
    .option('--out <dir>', 'directory the pictures go to', 'visualizations/diagrams')
    .option('--docs <file>', 'Markdown file whose generated tables are brought up to date')
    .option('--check', 'write nothing; exit with 1 when a file is stale')
    .option('--json', 'print { files, stale } as JSON')
    .action(run)
}

async function run({ out, docs, check = false, json = false }: DiagramsFlags): Promise<void> {
  const { files, stale } = await writeDiagrams({ directory: out, docs, check })
  const failed = check && stale.length > 0
  if (failed) process.exitCode = 1
  if (json) console.log(JSON.stringify({ files, stale }))
  else if (failed) console.error(staleWords(stale, out, docs))
  else if (check) console.log(`${files.length} files show the machines as they are`)
  else console.log(`${files.length} files drawn, ${stale.length} changed`)
}

function staleWords(stale: readonly string[], out: string, docs: string | undefined): string {
  const mend = `switchgear diagrams --out ${out}${docs === undefined ? '' : ` --docs ${docs}`}`
  return ['These files no longer show the machines as they are:', ...stale.map((file) => `  ${file}`), `To mend: ${mend}`].join(
    '\n',
  )
}
