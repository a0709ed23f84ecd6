import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { analyseQuery, queryComplexity } from '../../src/services/perplexity/queryComplexity.ts'

const SIMPLE = [
  'capital of France',
  'What is the capital of France?',
  'Wie hoch ist der Brocken?',
  '法国的首都是哪里？',
  'weather',
]
const COMPLEX = [
  'Compare the economic policies of France, Germany and Italy since 2010: which grew faster, and why?',
  'How does the Nobel Committee choose? Who won in 2024 and 2025? How do their works compare with those of Einstein and Bohr?',
  'Was ist der Unterschied zwischen einer GmbH und einer UG? Welche ist besser für ein kleines Büro, und was kostet sie?',
  'Quelle est la différence entre la TVA en France, en Belgique et en Suisse ? Laquelle a changé depuis 2015, et pourquoi ?',
  '比较北京和上海的房价，最近五年哪个涨得更快？为什么？',
]

describe('what a query asks for', () => {
  test.each(SIMPLE)('%s is simple', (query) => {
    expect(queryComplexity(query)).toBeLessThan(0.15)
  })

  test.each(COMPLEX)('%s is complex', (query) => {
    expect(queryComplexity(query)).toBeGreaterThanOrEqual(0.4)
  })

  test.each([
    ['nothing', '', 0],
    ['blanks', ' \n\t ', 0],
    ['three words of sixty', 'a b c', 0.3 * (3 / 60)],
    ['sixty words', 'a '.repeat(60), 0.3],
    ['more than sixty words', 'a '.repeat(600), 0.3],
    ['unspaced scripts at two characters a word', '上'.repeat(12), 0.3 * (6 / 60)],
    ['a comparison', 'a vs b', 0.3 * (3 / 60) + 0.15],
    ['a word that only begins like one', 'a vsb b', 0.3 * (3 / 60)],
    ['a year', 'a 1999 b', 0.3 * (3 / 60) + 0.05],
    ['a number that is no year', 'a 19991 b', 0.3 * (3 / 60)],
    ['one question', 'a?', 0.3 * (1 / 60)],
    ['a second question, and with it a clause', 'a? b?', 0.3 * (2 / 60) + 0.15 / 2 + 0.2 / 5],
    ['three questions', 'a? b? c?', 0.3 * (3 / 60) + 0.15 + 0.2 * (2 / 5)],
    ['six clauses', 'a, b, c, d, e, f', 0.3 * (6 / 60) + 0.2],
    ['a decimal point is no clause', 'a 3.14 b', 0.3 * (4 / 60)],
    ['the first of the names is free', 'we met Ada Lovelace', 0.3 * (4 / 60)],
    ['a second name', 'did Ada Lovelace ever meet Bob', 0.3 * (6 / 60) + 0.15 / 4],
    ['the same name twice', 'did Ada ask what Ada meant', 0.3 * (6 / 60)],
    ['a capital that begins a sentence', 'Ask. Then ask. Well', 0.3 * (4 / 60) + 0.2 * (2 / 5)],
    ['quoted words are names', 'x "a b" y "c d" z', 0.3 * (7 / 60) + 0.15 / 4],
  ])('%s', (_, query, expected) => {
    expect(queryComplexity(query)).toBeCloseTo(expected, 10)
  })

  test.each([
    'latest news',
    'Nachrichten von gestern',
    'les dernières 24 heures depuis lundi',
    '最新消息',
    'что случилось сегодня',
    'in 2024',
  ])('%s speaks of time', (query) => {
    expect(analyseQuery(query).temporal).toBe(true)
  })

  test.each(['a knowing look', 'Seitan braten', 'page 20245', 'hoyer lift'])('%s does not', (query) => {
    expect(analyseQuery(query).temporal).toBe(false)
  })
})

test('the examples on the page of Perplexity are as complex as it says', () => {
  const page = readFileSync(new URL('../../docs/services/perplexity.md', import.meta.url), 'utf8')
  const rows = [...(page.split('| query | complexity |')[1] ?? '').matchAll(/^\| (.+) \| (0\.\d\d) \|$/gm)]
  expect(rows.length).toBeGreaterThan(3)
  for (const [, query = '', complexity] of rows) expect(queryComplexity(query).toFixed(2)).toBe(complexity)
})

describe('whatever it is given', () => {
  test.each([
    ['10 MB of one word', 'A'.repeat(10_000_000)],
    ['10 MB of names', 'x Ada '.repeat(1_700_000)],
    ['10 MB of spaces', ' '.repeat(10_000_000)],
    ['10 MB of quotes', '"a'.repeat(5_000_000)],
    ['10 MB of ends', '.? '.repeat(3_300_000)],
    ['10 MB of apostrophes', "A'-".repeat(3_300_000)],
  ])('%s takes no longer than its first 4,000 characters', (_, query) => {
    const score = queryComplexity(query)
    // Long, whatever else it is.
    expect(score).toBeGreaterThanOrEqual(0.3)
    expect(score).toBeLessThanOrEqual(1)
  })

  test('is between 0 and 1', () => {
    const words = fc.constantFrom('compare', 'Ada', '2024', '?', ',', '比较', ' ', '\n', '"', 'x', '\ud800', 'ﷺ', '́')
    const query = fc.oneof(
      fc.string({ unit: 'binary-ascii' }),
      fc.array(words, { maxLength: 200 }).map((parts) => parts.join(' ')),
    )
    fc.assert(
      fc.property(query, (text) => {
        const { complexity } = analyseQuery(text)
        expect(complexity).toBeGreaterThanOrEqual(0)
        expect(complexity).toBeLessThanOrEqual(1)
      }),
      { numRuns: 100 },
    )
  })

  test('is 0 for what is no text', () => {
    const queryOfAnything = queryComplexity as (text: unknown) => number
    expect([undefined, null, 7, {}, ['a']].map(queryOfAnything)).toEqual([0, 0, 0, 0, 0])
  })
})
