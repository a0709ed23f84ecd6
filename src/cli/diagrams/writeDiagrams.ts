// Draws every machine into files, and tells which of the files no longer show what the machines are.
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { chartOf } from './chart.ts'
import { DRAWN_MACHINES, type DrawnMachine } from './machines.ts'
import { mermaidOf } from './mermaid.ts'
import { svgOf } from './svg.ts'
import { withTables } from './transitionsTable.ts'

export interface WriteDiagramsOptions {
  /** Where the `.mmd` and `.svg` files go. */
  readonly directory: string
  /** A Markdown file whose generated parts are brought up to date. */
  readonly docs?: string | undefined
  /** Write nothing, only compare. */
  readonly check: boolean
  readonly machines?: readonly DrawnMachine[]
}

export interface WrittenDiagrams {
  readonly files: readonly string[]
  /** Files that differed from what the machines say, or were missing; after a write they no longer do. */
  readonly stale: readonly string[]
}

/** Throws when elkjs is not installed, when `docs` cannot be read, or when a marker or an overview names what is not there. */
export async function writeDiagrams(options: WriteDiagramsOptions): Promise<WrittenDiagrams> {
  const contents = await draw(options)
  const stale: string[] = []
  for (const [file, content] of contents) {
    if ((await contentOf(file)) === content) continue
    stale.push(file)
    if (options.check) continue
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, content)
  }
  return { files: [...contents.keys()], stale }
}

async function draw({ directory, docs, machines = DRAWN_MACHINES }: WriteDiagramsOptions): Promise<Map<string, string>> {
  const charts = machines.map((drawn) => ({ drawn, chart: chartOf(drawn.name, drawn.machine) }))
  const contents = new Map<string, string>()
  for (const { drawn, chart } of charts) {
    contents.set(join(directory, `${drawn.name}.mmd`), mermaidOf(chart, drawn))
    contents.set(join(directory, `${drawn.name}.svg`), await svgOf(chart, drawn))
    if (drawn.overview) contents.set(join(directory, `${drawn.name}.overview.svg`), await svgOf(chart, drawn, drawn.overview))
  }
  if (docs !== undefined) {
    const doc = await readFile(docs, 'utf8')
    contents.set(
      docs,
      withTables(
        doc,
        charts.map(({ drawn, chart }) => ({ chart, wording: drawn })),
      ),
    )
  }
  return contents
}

async function contentOf(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}
