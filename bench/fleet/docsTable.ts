// Puts what was measured into a page of the documentation, between two marks.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'

const ROOT = new URL('../../../../', import.meta.url)

/** `path` from the repository's root. */
export function write(path: string, text: string): void {
  writeFileSync(new URL(path, ROOT), text)
}

/** Undefined where there is none. */
export function read<T>(path: string): T | undefined {
  const file = new URL(path, ROOT)
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as T) : undefined
}

/** Replaces what stands between `<!-- mark -->` and `<!-- /mark -->`. Throws where a page has no such marks. */
export function fill(path: string, mark: string, text: string): void {
  const file = new URL(path, ROOT)
  const page = readFileSync(file, 'utf8')
  const [open, close] = [`<!-- ${mark} -->\n`, `<!-- /${mark} -->`]
  const [from, to] = [page.indexOf(open), page.indexOf(close)]
  if (from < 0 || to < from) throw new Error(`${path} has no ${open.trim()} … ${close}`)
  writeFileSync(file, `${page.slice(0, from + open.length)}${text}\n${page.slice(to)}`)
}
