// Every numbered requirement has at least one test, and the test that docs/requirements.md names for it is really there. Where a
// requirement is shown by a measurement, the command that makes it exists.
import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'

const ROOT = new URL('../', import.meta.url)
const text = read('docs/requirements.md')
const scripts: Record<string, string> = JSON.parse(read('package.json')).scripts

interface Requirement {
  readonly id: string
  readonly shownBy: string
}

const requirements: Requirement[] = [...text.matchAll(/^\| (R\d+) \| .+? \| (.*) \|$/gm)].map(([, id = '', shownBy = '']) => ({
  id,
  shownBy,
}))

describe('docs/requirements.md', () => {
  test('numbers its requirements from R01 on, without a gap or a double', () => {
    expect(requirements.length).toBeGreaterThan(50)
    expect(requirements.map(({ id }) => id)).toEqual(requirements.map((_, i) => `R${String(i + 1).padStart(2, '0')}`))
  })

  test.each(requirements)('$id is shown by a test or a command that exists', ({ shownBy }) => {
    const [tests, commands] = [testsIn(shownBy), commandsIn(shownBy)]
    expect(tests.length + commands.length).toBeGreaterThan(0)
    expect(tests.filter(({ file, title }) => !hasTest(file, title))).toEqual([])
    expect(commands.filter((name) => !(name in scripts))).toEqual([])
  })

  test('names what shows a requirement in a form that is checked', () => {
    const rest = requirements.map(({ id, shownBy }) => [id, shownBy.replace(TEST, '').replace(COMMAND, '').replace(/[;\s]/g, '')])
    expect(rest.filter(([, left]) => left !== '')).toEqual([])
  })

  test('cannot name a test that is not there', () => {
    expect(hasTest('test/requirements.test.ts', 'cannot name a test that is not there')).toBe(true)
    expect(hasTest('test/requirements.test.ts', 'cannot name a test')).toBe(false)
    expect(hasTest('test/requirements.test.ts', 'numbered requirement')).toBe(false)
    expect(hasTest('test/nowhere.test.ts', 'cannot name a test that is not there')).toBe(false)
  })
})

const TEST = /`(test\/[^`]+)`: "([^"]+)"/g
const COMMAND = /`npm run ([\w:]+)`/g

function testsIn(cell: string): { file: string; title: string }[] {
  return [...cell.matchAll(TEST)].map(([, file = '', title = '']) => ({ file, title }))
}

function commandsIn(cell: string): string[] {
  return [...cell.matchAll(COMMAND)].map(([, name = '']) => name)
}

/** True when `title` stands in `file` as the whole title of a test, or of a table of tests. */
function hasTest(file: string, title: string): boolean {
  if (!existsSync(new URL(file, ROOT))) return false
  const quoted = ["'", '"', '`'].map((quote) => `(${quote}${title}${quote}`)
  const source = read(file).replace(/\(\s+(?=['"`])/g, '(')
  return quoted.some((start) => source.includes(`${start},`))
}

function read(name: string): string {
  return readFileSync(new URL(name, ROOT), 'utf8')
}
