// `switchgear asyncapi`: writes the contract of the fleet's bus as an AsyncAPI document, or with --check says that it is stale.
import type { Command } from 'commander'

interface AsyncapiFlags {
  readonly out: string
  readonly check?: boolean
  readonly json?: boolean
}

export function addAsyncapiCommand(program: Command): void {
  program
    .command('asyncapi')
    .description("write the messages of the fleet's bus as an AsyncAPI document")
    .option('--out <file>', 'where it goes', 'docs/asyncapi.yaml')
    .option('--check', 'write nothing; exit with 1 when the file is stale')
    .option('--json', 'print { file, stale } as JSON')
    .action(run)
}

async function run({ out, check = false, json = false }: AsyncapiFlags): Promise<void> {
  const { writeAsyncapi } = await import('./asyncapi/writeAsyncapi.ts')
  const stale = await writeAsyncapi(out, check)
  const failed = check && stale
  if (failed) process.exitCode = 1
  if (json) console.log(JSON.stringify({ file: out, stale }))
  else if (failed) console.error(`${out} no longer tells the messages as they are. To mend: switchgear asyncapi --out ${out}`)
  else console.log(`${out} ${stale ? 'written' : 'tells the messages as they are'}`)
}
