import { readFileSync } from 'node:fs'
import { describe, expect, test, vi } from 'vitest'
import { priceSchema } from '../../src/model/settings.ts'
import { openaiPrices, PriceBook, type PriceList } from '../../src/services/openai/priceBook.ts'

const list: PriceList = {
  unknown: { input: 100, output: 200 },
  longContext: { above: 1000, input: 2, output: 1.5 },
  tiers: { why: 'text beside the numbers', flex: 0.5, priority: 2 },
  models: {
    big: { input: 4, cachedInput: 1, output: 8, smaller: 'mid' },
    mid: { input: 2, output: 4, smaller: 'small', chatTools: false },
    small: { input: 1, output: 2 },
    'mid-large': { input: 3, output: 6, long: true },
    thinker: { input: 1, output: 1, reasoning: true },
    vectors: { input: 0.5 },
    loop: { input: 1, smaller: 'loop' },
  },
}

function bookOf(own = {}): { book: PriceBook; told: string[] } {
  const told: string[] = []
  return {
    told,
    book: new PriceBook(
      () => list,
      own,
      (model) => told.push(model),
    ),
  }
}

describe('the price of a model is found', () => {
  test.each([
    ['big', 4, 'listed', 'under its name'],
    ['big-2024-08-06', 4, 'listed', 'under its name without the date'],
    ['openai/big', 4, 'listed', 'behind the name of a provider'],
    ['router/openai/big-2024-08-06', 4, 'listed', 'behind several, with a date'],
    ['mid-large-preview', 3, 'guessed', 'as the longest name it begins with'],
    ['mid-latest', 2, 'guessed', 'as a shorter one'],
    ['ft:small-2024-08-06:org::id', 1, 'guessed', 'as the model that it was tuned from'],
    ['midnight', 100, 'guessed', 'nowhere, as names are not split within words'],
    ['bigger', 100, 'guessed', 'nowhere'],
    ['', 100, 'guessed', 'nowhere'],
    ['__proto__', 100, 'guessed', 'nowhere'],
    ['constructor', 100, 'guessed', 'nowhere'],
    ['x'.repeat(100_000), 100, 'guessed', 'nowhere'],
  ])('%.40s: %d (%s), %s', (model, input, found) => {
    expect(bookOf().book.find(model)).toMatchObject({ input, found })
  })

  test('among the user’s own first, field by field', () => {
    const { book, told } = bookOf({ big: { input: 40 }, mine: { input: 7, output: 9 } })
    expect(book.find('big')).toMatchObject({ input: 40, cachedInput: 1, output: 8, found: 'listed' })
    expect(book.find('mine')).toMatchObject({ input: 7, found: 'listed' })
    expect(book.find('mine-2025-01-01')).toMatchObject({ input: 7, found: 'listed' })
    expect(told).toEqual([])
    expect(book.find('mine-turbo')).toMatchObject({ input: 7, found: 'guessed' })
  })

  test('as * where the user has set that, for which nothing is told', () => {
    const { book, told } = bookOf({ '*': { input: 0 } })
    expect(book.find('llama-4')).toMatchObject({ input: 0, found: 'listed' })
    expect(book.find('*-x')).toMatchObject({ input: 0, found: 'listed' })
    expect(book.find('big')).toMatchObject({ input: 4 })
    expect(told).toEqual([])
  })

  test('and a guess is told once a name', () => {
    const { book, told } = bookOf()
    for (const model of ['new', 'new', 'mid-latest', 'new', 'big', 'mid-latest']) book.find(model)
    expect(told).toEqual(['new', 'mid-latest'])
  })

  test('by whether it is known at all, without telling', () => {
    const { book, told } = bookOf()
    expect(book.listed('mid-latest')).toBeUndefined()
    expect(book.listed('mid')).toMatchObject({ input: 2 })
    expect(told).toEqual([])
  })
})

test('a warning of the process tells of a guessed price, once, and how to set it', () => {
  const emit = vi.spyOn(process, 'emitWarning').mockReturnValue(undefined)
  try {
    const first = new PriceBook(openaiPrices)
    first.find('a-model-that-is-nowhere')
    new PriceBook(openaiPrices).find('a-model-that-is-nowhere')
    first.find('gpt-4.1-turbo-of-tomorrow')
    const option = { type: 'SwitchgearWarning', code: 'SWITCHGEAR_UNKNOWN_PRICE' }
    const text = (model: string, price: string) =>
      `${model} is in no price list: it is priced as ${price} a million tokens; set it by prices in the service's configuration`
    expect(emit.mock.calls).toEqual([
      [text('a-model-that-is-nowhere', '$10 in and $50 out'), option],
      [text('gpt-4.1-turbo-of-tomorrow', 'gpt-4.1, $2 in and $8 out'), option],
    ])
    for (let i = 0; i < 200; i++) first.find(`another-${i}`)
    expect(emit.mock.calls).toHaveLength(100)
  } finally {
    emit.mockRestore()
  }
})

describe('a call costs', () => {
  const usage = { input: 1000, output: 500 }
  test.each([
    ['input and output', 'big', usage, undefined, (1000 * 4 + 500 * 8) / 1e6],
    ['less for what was cached', 'big', { ...usage, cached: 400 }, undefined, (600 * 4 + 400 * 1 + 500 * 8) / 1e6],
    ['no less where the price of cached input is not known', 'mid', { ...usage, cached: 400 }, undefined, 4000 / 1e6],
    ['never less than nothing', 'big', { input: 10, output: 0, cached: 99 }, undefined, 10 / 1e6],
    ['nothing for the output of embeddings', 'vectors', usage, undefined, 500 / 1e6],
    ['as usual at the border of long prompts', 'mid-large', usage, undefined, (1000 * 3 + 500 * 6) / 1e6],
    ['more above it', 'mid-large', { input: 1001, output: 500 }, undefined, (1001 * 3 * 2 + 500 * 6 * 1.5) / 1e6],
    ['no more above it for other models', 'big', { input: 1001, output: 0 }, undefined, 4004 / 1e6],
    ['half by flex', 'big', usage, 'flex', 4000 / 1e6],
    ['twice by priority', 'big', usage, 'priority', 16_000 / 1e6],
    ['as usual by any other tier', 'big', usage, 'why', 8000 / 1e6],
    ['as usual by a tier of a strange name', 'big', usage, 'constructor', 8000 / 1e6],
  ])('%s', (_, model, used, tier, expected) => {
    const { book } = bookOf()
    expect(book.cost(book.find(model), used, tier)).toBeCloseTo(expected, 12)
  })
})

describe('the next smaller model', () => {
  test.each([
    ['big', 1, 'mid'],
    ['big', 2, 'small'],
    ['big', 9, 'small'],
    ['big', 0, undefined],
    ['big-2024-08-06', 1, 'mid'],
    ['openai/big', 1, 'openai/mid'],
    ['small', 1, undefined],
    ['mid-latest', 1, undefined],
    ['ft:big', 1, undefined],
    ['ft:big:org::id', 1, undefined],
    ['unknown', 1, undefined],
    ['loop', 10, 'loop'],
  ])('of %s, %i steps down: %s', (model, steps, expected) => {
    expect(bookOf().book.smaller(model, steps)).toBe(expected)
  })

  test('goes no further than the request allows', () => {
    const { book } = bookOf()
    expect(book.smaller('big', 2, ({ chatTools }) => chatTools !== false)).toBeUndefined()
  })

  test.each([
    ['thinker', true],
    ['thinker-2', true],
    ['big', false],
    ['o9-mini', true],
    ['gpt-7', true],
    ['gpt-4-turbo', false],
    ['claude', false],
  ])('%s reasons: %s', (model, expected) => {
    expect(bookOf().book.isReasoning(model)).toBe(expected)
  })
})

describe('the price list of OpenAI', () => {
  const { models, unknown, longContext, tiers } = openaiPrices()
  const raw = JSON.parse(readFileSync(new URL('../../prices/openai.json', import.meta.url), 'utf8'))

  test('says when and where it was looked up', () => {
    expect(raw.checked).toMatch(/^20\d\d-\d\d-\d\d$/)
    expect(raw.source).toContain('https://developers.openai.com/api/docs/pricing')
    expect(raw.per).toBe(1_000_000)
    expect([longContext.above, longContext.input, longContext.output, tiers.flex]).toEqual([272_000, 2, 1.5, 0.5])
  })

  test.each(Object.entries(models))('%s: prices that make sense, and a smaller model that is cheaper', (_, model) => {
    const { smaller, reasoning, long, chatTools, ...price } = model
    expect(priceSchema.parse(price)).toEqual(price)
    expect(model.cachedInput ?? 0).toBeLessThan(model.input + 1e-9)
    for (const flag of [reasoning, long, chatTools]) expect(['boolean', 'undefined']).toContain(typeof flag)
    if (smaller === undefined) return
    const next = models[smaller]
    expect(next?.input).toBeLessThan(model.input)
    expect(next?.output).toBeLessThan(model.output ?? 0)
    // What is left out of a request to a reasoning model is refused by one that does not reason, and the other way round.
    expect(next?.reasoning).toBe(reasoning)
  })

  test('takes no unknown model for cheaper than any that is listed', () => {
    for (const { input, output = 0 } of Object.values(models)) {
      expect(unknown.input).toBeGreaterThanOrEqual(input)
      expect(unknown.output).toBeGreaterThanOrEqual(output)
    }
  })
})

test('ten thousand names are looked up and not kept', () => {
  const { book, told } = bookOf()
  for (let i = 0; i < 10_000; i++) book.find(`model-${i}`)
  expect(told).toHaveLength(10_000)
  book.find('model-0') // no longer remembered
  expect(told).toHaveLength(10_001)
  expect(book.find('big').input).toBe(4)
})
