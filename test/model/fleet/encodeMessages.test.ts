// Messages as bytes: short, in batches that every reader takes, and the same when they are read.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { encodeBatches } from '../../../src/model/fleet/encodeMessages.ts'
import { readMessages } from '../../../src/model/fleet/readMessages.ts'
import type { OutcomeMessage } from '../../../src/model/fleet/wire.ts'
import { AT, messageBytes, SAMPLES, subjectOf } from './samples.ts'

const outcome: OutcomeMessage = {
  ...{ v: 1, type: 'outcome', at: AT, node: 'web-1', service: 'openai', result: 'success', latency: 1 },
}

const read = (bytes: Uint8Array) => readMessages(subjectOf(outcome), bytes, AT).messages

describe('one body', () => {
  test('holds an object for one message, and a list for several', () => {
    const text = (...messages: OutcomeMessage[]): string => new TextDecoder().decode(encodeBatches(messages).batches[0])
    expect(text(outcome)).toBe('{"at":1767225600000,"result":"success","latency":1}')
    expect(text(outcome, outcome)).toBe(`[${text(outcome)},${text(outcome)}]`)
  })
})

describe('batches', () => {
  test('have at most 256 messages each, and keep their order', () => {
    const many = Array.from({ length: 600 }, (_, seq) => ({ ...outcome, seq }))
    const { batches, tooBig } = encodeBatches(many)
    expect(batches.map((bytes) => read(bytes).length)).toEqual([256, 256, 88])
    expect(tooBig).toBe(0)
    expect(batches.flatMap(read)).toEqual(many)
  })

  test('keep to the limit of bytes whatever the letters, and leave out what cannot be sent at all', () => {
    const letter = fc.constantFrom('a', '"', '\n', 'é', '€', '😀', '\ud800')
    const model = fc.string({ unit: letter, minLength: 1, maxLength: 60 })
    fc.assert(
      fc.property(fc.array(model, { maxLength: 20 }), fc.integer({ min: 60, max: 400 }), (models, limit) => {
        const messages = models.map((name) => ({ ...outcome, model: name }))
        const { batches, tooBig } = encodeBatches(messages, limit)
        for (const bytes of batches) expect(bytes.length).toBeLessThanOrEqual(limit)
        const fitting = messages.filter((message) => messageBytes(message).length <= limit)
        expect(tooBig).toBe(messages.length - fitting.length)
        expect(batches.flatMap(read)).toEqual(fitting)
      }),
      { numRuns: 60 },
    )
  })

  test('fill up to the last byte', () => {
    const one = messageBytes(outcome).length
    expect(encodeBatches([outcome, outcome], 2 * one + 3).batches.length).toBe(1)
    expect(encodeBatches([outcome, outcome], 2 * one + 2).batches.length).toBe(2)
    expect(encodeBatches([outcome], one)).toEqual({ batches: [messageBytes(outcome)], tooBig: 0 })
    expect(encodeBatches([outcome], one - 1)).toEqual({ batches: [], tooBig: 1 })
    expect(encodeBatches([])).toEqual({ batches: [], tooBig: 0 })
  })

  test('leave out what cannot be JSON, and nothing else', () => {
    const odd = { ...outcome, latency: 1n } as unknown as OutcomeMessage
    expect(encodeBatches([outcome, odd, outcome])).toEqual({ ...encodeBatches([outcome, outcome]), tooBig: 1 })
  })

  test('hold messages of every type', () => {
    for (const sample of Object.values(SAMPLES)) {
      const { batches } = encodeBatches([sample, sample])
      expect(readMessages(subjectOf(sample), batches[0] as Uint8Array, AT).messages).toEqual([sample, sample])
    }
  })
})
