// Rules of the house that no tool knows: time and chance have one door each, and the public face stays small.
import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const SRC = new URL('../src/', import.meta.url)
const DOORS = new Set(['model/clock.ts', 'model/random.ts'])
const BY_HAND = /\b(?:Date\.now|performance\.now|performance\.timeOrigin|Math\.random|setTimeout|setInterval)\b|\bnew Date\(\)/

const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'))

test('nothing reads the time, waits, or draws a random number but through Clock and Random', () => {
  const trespassers = files.filter((name) => !DOORS.has(name) && BY_HAND.test(code(name)))
  expect(trespassers).toEqual([])
  expect([...DOORS].filter((name) => BY_HAND.test(code(name)))).toEqual([...DOORS])
})

test('every file says in its first line what it is for', () => {
  expect(files.filter((name) => !/^(?:#!.*\n)?\/\/ [A-Z`"]/.test(read(name)))).toEqual([])
})

test('the public face is an index that can be read in a minute', () => {
  expect(read('index.ts').split('\n').length).toBeLessThan(40)
})

function read(name: string): string {
  return readFileSync(new URL(name, SRC), 'utf8')
}

/** Without comments. */
function code(name: string): string {
  return read(name).replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '')
}
