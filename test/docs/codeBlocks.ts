// Finds the code blocks of the README and the guides, each with the place it stands in, for the tests that compile and run them.
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = fileURLToPath(new URL('../../', import.meta.url))

export interface CodeBlock {
  /** Such as `docs/embedding.md:42`. */
  readonly place: string
  /** The word behind the fence: `ts`, `sh`, … */
  readonly language: string
  /** What stands behind that word: `no-run`. */
  readonly marks: readonly string[]
  readonly code: string
}

/** The Markdown files of the package: README.md and everything under docs/. */
export function documents(): string[] {
  const guides = readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.md'))
  return [join(ROOT, 'README.md'), ...guides.sort().map((name) => join(ROOT, 'docs', name))]
}

export function codeBlocks(): CodeBlock[] {
  return documents().flatMap((file) => blocksOf(readFileSync(file, 'utf8'), relative(ROOT, file)))
}

export function blocksOf(text: string, name: string): CodeBlock[] {
  const blocks: CodeBlock[] = []
  let open: { readonly fence: string; readonly at: number; readonly info: string; readonly lines: string[] } | undefined
  for (const [index, line] of text.split('\n').entries()) {
    const fence = /^ {0,3}(`{3,})(.*)$/.exec(line)
    if (open === undefined) {
      if (fence) open = { fence: fence[1] ?? '', at: index + 1, info: fence[2]?.trim() ?? '', lines: [] }
    } else if (fence && (fence[1]?.length ?? 0) >= open.fence.length && fence[2]?.trim() === '') {
      const [language = '', ...marks] = open.info.split(/\s+/)
      blocks.push({ place: `${name}:${open.at}`, language, marks, code: open.lines.join('\n') })
      open = undefined
    } else {
      open.lines.push(line)
    }
  }
  if (open) throw new Error(`${name}:${open.at}: this code block is never closed`)
  return blocks
}
