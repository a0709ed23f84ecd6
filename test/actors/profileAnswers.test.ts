// A kind of a user's own that errs: its profile throws, or says what cannot be. Neither the caller nor the journal may suffer.
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { soundClassification, soundMeasurement } from '../../src/actors/profileAnswers.ts'
import { replayJournal } from '../../src/index.ts'
import type { Classification } from '../../src/model/failures.ts'
import type { Measurement } from '../../src/model/measurement.ts'
import type { Signal } from '../../src/model/signals.ts'
import { registerKind } from '../../src/services/profiles.ts'
import { createSwitchgear } from '../../src/switchgear.ts'
import { temporaryDirectory } from '../bus/journalRecords.ts'
import { fails, ofType, testBoard } from './testBoard.ts'

const thrower = (): never => {
  throw new Error('a mistake in the profile')
}
const throwing = registerKind({
  name: 'throwing',
  like: 'custom',
  profile: { classifyResult: thrower, classifyError: thrower, measure: thrower, readSignals: thrower },
})
const lying = registerKind({
  name: 'lying',
  like: 'custom',
  profile: {
    classifyError: () => ({ type: 'nonsense', status: Number.NaN, retryAfterMs: -1 }) as unknown as Classification,
    measure: () => ({ cost: Number.NaN, quality: 7, usage: { input: -1, output: 2 }, model: 'm' }),
    readSignals: () => [
      { kind: 'limit', mode: 'paced', perSecond: Number.NaN, until: Number.NaN },
      { kind: 'health', level: 1, reason: 'one that is right' },
    ],
  },
})

describe('a profile that throws', () => {
  it('costs the caller neither its result nor its error, and leaks no place', async () => {
    const { gear, heard } = await testBoard({ own: { kind: throwing } })
    const options = { fallback: () => 'instead', timeout: 1000 }
    await expect(gear.execute('own', () => 'answer')).resolves.toBe('answer')
    await expect(gear.execute('own', async () => 'answer', options)).resolves.toBe('answer')
    await expect(gear.execute('own', fails(new Error('down')))).rejects.toThrow('down')
    expect(gear.services.own.stats).toMatchObject({ inFlight: 0, successes: 2, failures: 1 })
    expect(ofType(heard, 'outcome').at(-1)).toMatchObject({ failure: 'unknown_error' })
  })
})

describe('a profile that says what cannot be', () => {
  it('leaves a journal that can be read and gone on with', async () => {
    const file = join(temporaryDirectory(), 'lying.jsonl')
    const options = { services: { own: { kind: lying, recoverAfter: 600_000 } }, journal: { file } }
    {
      await using gear = await createSwitchgear(options)
      await gear.execute('own', () => 1)
      await gear.execute('own', fails()).catch(() => undefined)
      expect(gear.services.own.path).toBe('degraded.level1')
      expect(gear.services.own.impact).toMatchObject({ spent: 0 })
    }
    expect(await replayJournal(file)).toMatchObject({ differences: 0 })
    await using again = await createSwitchgear(options)
    expect(again.services.own.path).toBe('degraded.level1')
  })

  it.each<[unknown, unknown]>([
    [undefined, undefined],
    [7, undefined],
    [null, undefined],
    [{}, {}],
    [{ cost: 0 }, { cost: 0 }],
    [{ cost: -5 }, {}],
    [{ cost: '5' }, {}],
    [{ cost: Number.POSITIVE_INFINITY, costEstimated: true }, { costEstimated: true }],
    [{ quality: 1.01, cost: 1 }, { cost: 1 }],
    [{ usage: { input: 1 }, model: 5, operation: 'chat' }, { operation: 'chat' }],
    [{ usage: { input: 1, output: 2, cached: Number.NaN }, quality: 1 }, { quality: 1 }],
    [{ usage: null, model: 'm' }, { model: 'm' }],
    [{ model: 'm'.repeat(201), usage: { input: 1, output: 2 } }, { usage: { input: 1, output: 2 } }],
  ])('of %j keeps the measurement %j', (said, kept) => {
    expect(soundMeasurement(said as Measurement)).toEqual(kept)
  })

  it.each<[unknown, unknown]>([
    [undefined, undefined],
    [null, undefined],
    ['ignored', 'ignored'],
    [
      { type: 'timeout', status: 408 },
      { type: 'timeout', status: 408 },
    ],
    [{ type: 'timeout', status: 4.5 }, { type: 'timeout' }],
    [
      { type: 'toString', status: 500 },
      { type: 'unknown_error', status: 500 },
    ],
    [{ type: 'rate_limit', retryAfterMs: Number.NaN }, { type: 'rate_limit' }],
    [
      { type: 'nonsense', retryAfterMs: 5 },
      { type: 'unknown_error', retryAfterMs: 5 },
    ],
  ])('of %j keeps the classification %j', (said, kept) => {
    expect(soundClassification(said as Classification)).toEqual(kept)
  })

  it('has its right signals heard', async () => {
    const { gear, heard } = await testBoard({ own: { kind: lying } })
    await gear.execute('own', () => 1)
    const signals: Signal[] = ofType(heard, 'signal').map(({ signal }) => signal)
    expect(signals).toEqual([{ kind: 'health', level: 1, reason: 'one that is right' }])
  })
})
