// The files of one journal: `search.jsonl` is the one being written, `search.1.jsonl`, `search.2.jsonl`, … are those that were
// rotated out, the number rising with time.
import { basename, dirname, extname, join } from 'node:path'

/** The rotated file of `file` with the given number. */
export function rotatedName(file: string, number: number): string {
  const extension = extname(file)
  return join(dirname(file), `${basename(file, extension)}.${number}${extension}`)
}

/** The numbers of the rotated files of `file` among `names` (a listing of its directory), oldest first. */
export function rotatedNumbers(file: string, names: readonly string[]): number[] {
  const extension = extname(file)
  const start = `${basename(file, extension)}.`
  const numbers: number[] = []
  for (const name of names) {
    if (!name.startsWith(start) || !name.endsWith(extension)) continue
    const middle = name.slice(start.length, name.length - extension.length)
    if (/^[1-9]\d{0,14}$/.test(middle)) numbers.push(Number(middle))
  }
  return numbers.sort((a, b) => a - b)
}
