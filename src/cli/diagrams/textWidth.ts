// How wide a text will be, without a font to ask: nothing is embedded, so the widest of the usual system fonts is assumed.

/** Advance widths in em by class of character, first match first; the rest are capitals and signs. */
const SANS: readonly (readonly [RegExp, number])[] = [
  [/[mwMW@%—→]/, 0.9],
  [/[ijl.,;:'’|! ]/, 0.34],
  [/[ftrI()[\]-]/, 0.42],
  [/[a-z0-9]/, 0.6],
]
const CAPITAL = 0.72
/** Every usual monospaced font is this wide, or a little narrower. */
const MONO = 0.602

export function sansWidth(text: string, size: number, bold = false): number {
  const em = [...text].reduce((sum, letter) => sum + (SANS.find(([letters]) => letters.test(letter))?.[1] ?? CAPITAL), 0)
  return em * size * (bold ? 1.1 : 1)
}

export function monoWidth(text: string, size: number): number {
  return [...text].length * MONO * size
}

/** Breaks at spaces so that no line is wider than `limit`, single words excepted. */
export function wrap(text: string, limit: number, widthOf: (line: string) => number): string[] {
  const lines: string[] = []
  for (const word of text.split(/\s+/).filter(Boolean)) {
    const line = lines.at(-1)
    if (line !== undefined && widthOf(`${line} ${word}`) <= limit) lines[lines.length - 1] = `${line} ${word}`
    else lines.push(word)
  }
  return lines
}
