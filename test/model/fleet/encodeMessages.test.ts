// Messages as bytes: short, in batches that every reader takes, and the same when they are read.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { encodeBatches, encodeMessages } from '../../../src/model/fleet/encodeMessages.ts'
import { readMessages } from '../../../src/model/fleet/readMessages.ts'
import type { OutcomeMessage } from '../../../src/model/fleet/wire.ts'
import { AT, SAMPLES, subjectOf } from './samples.ts'

const outcome: OutcomeMessage = {
  ...{ v: 1, type: 'outcome', at: AT, node: 'web-1', service: 'openai', result: 'success', latency: 1 },
}

describe('one body', () => {
  test('holds an object for one message, and a list for several', () => {
    const text = (...messages: OutcomeMessage[]): string => new TextDecoder().decode(encodeMessages(messages))
    expect(text(outcome)).toBe('{"at":1767225600000,"result":"success","latency":1}')
    expect(text(outcome, outcome)).toBe(`[${text(outcome)},${text(outcome)}]`)
    expect(text()).toBe('[]')
  })
})

describe('batches', () => {
  test('have at most 256 messages each, and keep their order', () => {
    const many = Array.from({ length: 600 }, (_, seq) => ({ ...outcome, seq }))
    const { batches, tooBig } = encodeBatches(many)
    expect(batches.map(({ count }) => count)).toEqual([256, 256, 88])
    expect(tooBig).toBe(0)
    expect(batches.flatMap(({ bytes }) => readMessages(subjectOf(outcome), bytes, AT).messages)).toEqual(many)
  })

  test('keep to the limit of bytes whatever the letters, and leave out what cannot be sent at all', () => {
    const letter = fc.constantFrom('a', '"', '\n', 'é', '€', '😀', '\ud800')
    const model = fc.string({ unit: letter, minLength: 1, maxLength: 60 })
    fc.assert(
      fc.property(fc.array(model, { maxLength: 20 }), fc.integer({ min: 60, max: 400 }), (models, limit) => {
        const messages = models.map((name) => ({ ...outcome, model: name }))
        const { batches, tooBig } = encodeBatches(messages, limit)
        for (const { bytes } of batches) expect(bytes.length).toBeLessThanOrEqual(limit)
        const fitting = messages.filter((message) => encodeMessages([message]).length <= limit)
        expect(tooBig).toBe(messages.length - fitting.length)
        expect(batches.flatMap(({ bytes }) => readMessages(subjectOf(outcome), bytes, AT).messages)).toEqual(fitting)
      }),
      { numRuns: 60 },
    )
  })

  test('fill up to the last byte', () => {
    const one = encodeMessages([outcome]).length
    expect(encodeBatches([outcome, outcome], 2 * one + 3).batches.length).toBe(1)
    expect(encodeBatches([outcome, outcome], 2 * one + 2).batches.length).toBe(2)
    expect(encodeBatches([outcome], one)).toMatchObject({ batches: [{ count: 1 }], tooBig: 0 })
    expect(encodeBatches([outcome], one - 1)).toEqual({ batches: [], tooBig: 1 })
    expect(encodeBatches([])).toEqual({ batches: [], tooBig: 0 })
  })

  test('leave out what cannot be JSON, and nothing else', () => {
    const odd = { ...outcome, latency: 1n } as unknown as OutcomeMessage
    expect(encodeBatches([outcome, odd, outcome])).toMatchObject({ batches: [{ count: 2 }], tooBig: 1 })
  })

  test('hold messages of every type', () => {
    for (const sample of Object.values(SAMPLES)) {
      const { batches } = encodeBatches([sample, sample])
      const [{ bytes } = { bytes: new Uint8Array() }] = batches
      expect(readMessages(subjectOf(sample), bytes, AT).messages).toEqual([sample, sample])
    }
  })
})
