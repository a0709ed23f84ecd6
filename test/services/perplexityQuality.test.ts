import { describe, expect, test } from 'vitest'
import { type PerplexityAnswer, readAnswer } from '../../src/services/perplexity/perplexityAnswer.ts'
import { citationsIn, pageOf } from '../../src/services/perplexity/perplexityCitations.ts'
import { answerQuality, citationAccuracy, searchQuality } from '../../src/services/perplexity/perplexityQuality.ts'
import { askedOf, NOTHING_ASKED } from '../../src/services/perplexity/perplexityRequest.ts'
import { agentAnswer, RESULTS, searchAnswer, sonarAnswer } from '../adapters/perplexityWire.ts'

function answer(text: string, changes: object = {}, results = RESULTS): PerplexityAnswer {
  return readAnswer(agentAnswer({ ...changes }, text, results)) as PerplexityAnswer
}

const result = (id: number, changes: object = {}) => ({ ...RESULTS[0]!, id, url: `https://site${id}.example/`, ...changes })
const undated = (id: number) => ({ ...result(id, { url: `https://a.example/${id}`, date: null }) })
const found = (results: typeof RESULTS) => answer('It is so [1].', {}, results)

describe('search quality', () => {
  test.each([
    ['five described and dated results of five sites', RESULTS, 1],
    ['nothing', [], 0],
    ['one of five', [result(1)], 0.4 / 5 + 0.3 + 0.3],
    ['four of five', [1, 2, 3, 4].map((id) => result(id)), 0.4 * 0.8 + 0.3 + 0.3],
    ['ten, which is no better than five', Array.from({ length: 10 }, (_, id) => result(id)), 1],
    ['the same page five times', [1, 2, 3, 4, 5].map((id) => result(id, { url: 'https://a.example/x' })), 0.4 / 5 + 0.3 + 0.3],
    ['five pages of one site', [1, 2, 3, 4, 5].map((id) => result(id, { url: `https://a.example/${id}` })), 0.4 + 0.3 / 3 + 0.3],
    [
      'five pages of two sites',
      [1, 2, 3, 4, 5].map((id) => result(id, { url: `https://s${id % 2}.example/${id}` })),
      0.4 + 0.2 + 0.3,
    ],
    ['no snippets', RESULTS.map((entry) => ({ ...entry, snippet: ' ' })), 0.7 + 0.3 * 0.3],
    ['no dates', RESULTS.map(({ date: _, ...entry }) => entry), 0.7 + 0.3 * 0.7],
    [
      'when they were updated in place of a date',
      RESULTS.map(({ date: _, ...entry }) => ({ ...entry, last_updated: '2026' })),
      1,
    ],
    ['neither', RESULTS.map(({ date: _, ...entry }) => ({ ...entry, snippet: '' })), 0.7],
  ])('%s', (_, results, expected) => {
    expect(searchQuality(found(results))).toBeCloseTo(expected, 10)
  })

  test.each([
    ['one asked for, one found', 1, 1, 1],
    ['three asked for, two found', 3, 2, 0.4 * (2 / 3) + 0.6],
    ['fifty asked for, ten found: ten are enough', 50, 10, 1],
    ['fifty asked for, five found', 50, 5, 0.4 / 2 + 0.6],
  ])('%s', (_, asked, given, expected) => {
    const results = Array.from({ length: given }, (_, id) => result(id))
    expect(searchQuality(found(results), { ...NOTHING_ASKED, results: asked })).toBeCloseTo(expected, 10)
  })

  test('in a search confined to one site, one site is enough', () => {
    const results = [1, 2, 3, 4, 5].map((id) => result(id, { url: `https://a.example/${id}` }))
    expect(searchQuality(found(results), { ...NOTHING_ASKED, confined: true })).toBe(1)
  })

  test('is unknown without a search, and 0 for one that found nothing', () => {
    const output = [{ type: 'message', content: [{ type: 'output_text', text: 'It is so.' }] }]
    const unsearched = readAnswer({ ...agentAnswer({ output }), usage: undefined }) as PerplexityAnswer
    expect([searchQuality(unsearched), citationAccuracy(unsearched), answerQuality(unsearched)]).toEqual([
      undefined,
      undefined,
      undefined,
    ])
    // The usage says that a search was made.
    expect(searchQuality(readAnswer(agentAnswer({ output })) as PerplexityAnswer)).toBe(0)
  })
})

describe('citation accuracy', () => {
  const page = RESULTS[0]!.url
  test.each([
    ['each number a result', 'So [1], so [2][5].', 1],
    ['several in one bracket', 'So [1, 2,3].', 1],
    ['one of two made up', 'So [1], so [9].', 0.5],
    ['all made up', 'So [7][8].', 0],
    ['a place that no result has', 'So [0].', 0],
    ['none at all', 'It is so.', 0.5],
    ['a link to a listed page', `So ([Page](${page})).`, 1],
    ['spelt otherwise', 'So [Page](http://site1.example/page/?utm_medium=y#part).', 1],
    ['in angle brackets and with a title', `So [Page](<${page}> "Page").`, 1],
    ['a link to another page', 'So [Page](https://elsewhere.example/).', 0],
    ['a number that is a link counts once', `So [1](${page}).`, 1],
    ['a link whose number is right and whose page is not', 'So [1](https://elsewhere.example/).', 0],
    ['code cites nothing', 'So `a[9]`:\n```js\nb[8]\n```\nand so [1].', 1],
    ['an open block of code to its end', 'So [1].\n```js\nb[8]', 1],
    ['brackets of other sorts', 'So [x], [1a], [1.5], [2026], so [3].', 1],
  ])('%s', (_, text, expected) => {
    expect(citationAccuracy(answer(text))).toBe(expected)
  })

  test('annotations count as links', () => {
    const annotated = (url: string) => [
      { type: 'search_results', results: RESULTS },
      {
        type: 'message',
        content: [{ type: 'output_text', text: 'So.', annotations: [{ type: 'url_citation', url }, { url: page }] }],
      },
    ]
    const accuracy = (url: string) => citationAccuracy(readAnswer(agentAnswer({ output: annotated(url) })) as PerplexityAnswer)
    expect([accuracy('https://site2.example/page'), accuracy('https://elsewhere.example/')]).toEqual([1, 0.5])
  })

  test('pages that were fetched may be cited', () => {
    const output = [
      ...(agentAnswer({}, 'So [x](https://fetched.example/a).').output as unknown[]),
      { type: 'fetch_url_results', contents: [{ url: 'https://fetched.example/a', title: 'A', snippet: 'a' }] },
    ]
    expect(citationAccuracy(readAnswer(agentAnswer({ output })) as PerplexityAnswer)).toBe(1)
  })

  test('without ids, a result is cited by its place', () => {
    const cited = (text: string) => citationAccuracy(readAnswer(sonarAnswer({}, text)) as PerplexityAnswer)
    expect([cited('So [1][5].'), cited('So [1][6].')]).toEqual([1, 0.5])
  })

  test('an answer without a word is worth nothing, unless more is to come', () => {
    expect(citationAccuracy(answer(' '))).toBe(0)
    expect(citationAccuracy(answer('', { status: 'incomplete' }))).toBeUndefined()
    const calls = [
      { type: 'search_results', results: RESULTS },
      { type: 'function_call', call_id: 'c', name: 'f', arguments: '{}' },
    ]
    expect(citationAccuracy(answer('', { output: calls }))).toBeUndefined()
    const called = { message: { role: 'assistant', content: null, tool_calls: [{ id: 'c' }] }, finish_reason: 'stop' }
    expect(citationAccuracy(readAnswer(sonarAnswer({ choices: [called] })) as PerplexityAnswer)).toBeUndefined()
  })

  test('structured answers have no place for citations, and are judged by those they have', () => {
    const asked = askedOf({ response_format: { type: 'json_schema', json_schema: {} } })
    expect(citationAccuracy(answer('{"so":true}'), asked)).toBeUndefined()
    expect(citationAccuracy(answer('{"so":"so [9]"}'), asked)).toBe(0)
    expect(askedOf({ response_format: { type: 'text' } }).structured).toBe(false)
  })

  test('the results of a search alone have no text to cite them', () => {
    expect(citationAccuracy(readAnswer(searchAnswer()) as PerplexityAnswer)).toBeUndefined()
  })
})

describe('the quality of an answer', () => {
  test.each([
    ['found and cited', 'So [1].', RESULTS, 1],
    ['found and not cited', 'So.', RESULTS, 0.8],
    ['found and cited wrongly', 'So [9].', RESULTS, 0.6],
    ['found on one site, without dates', 'So [1].', [1, 2, 3, 4, 5].map((id) => undated(id)), 0.826],
    ['nothing found', 'So.', [], 0],
  ])('%s', (_, text, results, expected) => {
    expect(answerQuality(answer(text, {}, results))).toBeCloseTo(expected, 10)
  })

  test('is that of the search where citations cannot be judged', () => {
    expect(answerQuality(readAnswer(searchAnswer()) as PerplexityAnswer)).toBe(1)
  })

  const three = [1, 2, 3].map((id) => result(id, id === 2 ? { date: null } : {}))
  test.each([
    ['a web search', { tools: [{ type: 'web_search', search_context_size: 'low' }] }],
    ['a chat completion', { web_search_options: { search_context_size: 'low' } }],
    ['one with its number', { num_search_results: 3 }],
    ['the smallest preset', { preset: 'fast' }],
  ])('what the ladder leaves of %s is no reason to think less of it', (_, body) => {
    const asked = askedOf(body)
    expect(answerQuality(answer('So [1] [3].', {}, three), asked)).toBeGreaterThan(0.9)
    expect(answerQuality(answer('So.', {}, three), asked)).toBeGreaterThan(0.7)
    expect(answerQuality(answer('So.', {}, three), askedOf({}))).toBeLessThan(0.7)
  })
})

test('at most 500 citations are read', () => {
  expect(citationsIn('[1] '.repeat(2000))).toHaveLength(500)
  expect(citationsIn('[a](https://x.example) '.repeat(2000))).toHaveLength(500)
  expect(citationsIn('[1, 2, 3] '.repeat(400))).toHaveLength(500)
  expect(citationsIn('[a](https://x.example/(a)b) [c](https://y.example [d](mailto:e)').map(({ cites }) => cites)).toEqual([
    'https://x.example/(a)b',
    'https://y.example',
  ])
})

test.each([
  ['https://www.A.example/b/', 'a.example/b'],
  ['http://a.example/b?utm_source=x&c=1#d', 'a.example/b?c=1'],
  ['https://a.example', 'a.example'],
  ['https://a.example:8080/', 'a.example:8080'],
  ['http://[', undefined],
])('%s is the page %s', (url, page) => {
  expect(pageOf(url)).toBe(page)
})
