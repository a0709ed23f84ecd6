// Conditions in the user's own code: what they are shown, and what they cannot do to the board.
import { beforeEach, describe, expect, it, type MockInstance, onTestFinished, vi } from 'vitest'
import { Board } from '../../src/actors/board.ts'
import { MemoryBus } from '../../src/bus/memoryBus.ts'
import type { Switchgear } from '../../src/gear.ts'
import { parseConfig } from '../../src/model/config.ts'
import type { Finding } from '../../src/model/findings.ts'
import type { Kind } from '../../src/model/kinds.ts'
import { resolvePolicy } from '../../src/model/policy.ts'
import { type OrchestratorRule, type SystemView, systemViewOf } from '../../src/orchestratorRules.ts'
import { profileFor } from '../../src/services/profiles.ts'
import { VirtualClock } from '../../src/testing/index.ts'
import { PLAIN, story } from '../scenarios/scenario.ts'
import { settle, testBoard } from './testBoard.ts'

const THREE = { a: PLAIN, b: PLAIN, c: PLAIN }

let warned: MockInstance<typeof process.emitWarning>
beforeEach(() => {
  warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
  return () => warned.mockRestore()
})

const warnings = () => warned.mock.calls.map(([text]) => String(text))

/** A condition that the compiler would have refused. */
function untyped(when: () => unknown): OrchestratorRule['when'] {
  return when as OrchestratorRule['when']
}

describe('a condition that is not synchronous', () => {
  it('is refused by the compiler', () => {
    // @ts-expect-error: a promise is no verdict
    const rule: OrchestratorRule = { name: 'mine', when: async () => true, then: { degradeTo: 1 } }
    expect(rule.name).toBe('mine')
  })

  it.each<[string, () => unknown]>([
    ['rejects', () => Promise.reject(new Error('no'))],
    ['resolves to true', () => Promise.resolve(true)],
    [
      'is no real promise, and throws',
      () => ({
        then: () => {
          throw new Error('no')
        },
      }),
    ],
  ])('counts as not met where what it returns %s: told once, and nobody rejects', async (_, when) => {
    const rejected = vi.fn()
    process.on('unhandledRejection', rejected)
    try {
      const { gear, clock } = await story(THREE, { rules: [{ name: 'mine', when: untyped(when), then: { degradeTo: 1 } }] })
      clock.advance(3000)
      await settle()
      expect(gear.system.rules).toEqual([])
    } finally {
      process.off('unhandledRejection', rejected)
    }
    expect(rejected).not.toHaveBeenCalled()
    expect(warnings()).toEqual(['the rule mine counts as not met: its condition returned a promise, and must answer at once'])
  })
})

it.each([undefined, null, 1, 'yes', {}, () => true])('a verdict of %s is no yes, and nothing to tell of', async (verdict) => {
  const { gear, clock } = await story(THREE, { rules: [{ name: 'mine', when: untyped(() => verdict), then: { degradeTo: 1 } }] })
  clock.advance(3000)
  expect(gear.system.rules).toEqual([])
  expect(warnings()).toEqual([])
})

it.each<[string, unknown, string]>([
  ['words', 'just words', 'just words'],
  ['an error without a stack', Object.assign(new Error('bare'), { stack: undefined }), 'bare'],
])('what a condition throws is told once: %s', async (_, thrown, text) => {
  const when = (): boolean => {
    throw thrown
  }
  const { clock } = await story(THREE, { rules: [{ name: 'mine', when, then: { degradeTo: 1 } }] })
  clock.advance(3000)
  expect(warnings()).toEqual([`the rule mine threw and counts as not met; further errors are not shown: ${text}`])
})

it('a condition that closes the board is the last that is heard of it', async () => {
  const complaint = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  let closed: Promise<void> | undefined
  let records = -1
  const board: { gear?: Switchgear } = {}
  const when = (): boolean => {
    closed ??= board.gear?.close()
    if (closed && records < 0) records = journal.records.length
    return true
  }
  const { gear, clock, journal, replays } = await story(THREE, {
    rules: [{ name: 'mine', when, then: { degradeTo: 1, services: ['b'] } }],
  })
  gear.command('a', { name: 'trip', by: 'ann', why: 'r' })
  board.gear = gear
  clock.advance(5000)
  await closed
  expect(journal.records).toHaveLength(records)
  expect(clock.pending).toBe(0)
  expect(complaint).not.toHaveBeenCalled()
  complaint.mockRestore()
  replays()
})

describe('what a condition is shown', () => {
  it('is how all services are', async () => {
    const views: SystemView[] = []
    const when = (view: SystemView): boolean => views.push(view) < 0
    const { gear, clock } = await testBoard(THREE, { rules: [{ name: 'mine', when, then: { degradeTo: 1 } }] })
    for (let i = 0; i < 3; i++) gear.admit('c').fail(new Error('down'))
    const running = gear.admit('a')
    clock.advance(1000)
    running.succeed()
    expect(views).toHaveLength(1)
    expect(views[0]).toMatchObject({
      at: clock.now(),
      state: 'degraded',
      failing: ['c'],
      findings: [],
      services: { a: { path: 'closed.watching', inFlight: 1 }, c: { state: 'open', inFlight: 0 } },
    })
  })

  it('of findings is a copy that it cannot change, made once for as long as they stand', () => {
    const { orchestrator } = parseConfig({ services: { a: {}, b: {} } })
    const clock = new VirtualClock()
    const profile = (kind: Kind) => profileFor(kind)
    const board = new Board({ clock, bus: new MemoryBus(), profileFor: profile, seed: 1, software: 'test', orchestrator })
    onTestFinished(() => board.stop())
    for (const name of ['a', 'b']) board.add(name, 'custom', resolvePolicy('custom', {}), clock.now())
    const finding: Finding = {
      pattern: 'common_cause',
      services: ['a', 'b'],
      strength: 0.9,
      severity: 'normal',
      interval: { from: 1, to: 2 },
      evidence: { counts: [{ service: 'a', calls: 9, failures: 9 }], occasions: 1, chance: 0.001, events: [] },
      recommendations: ['look'],
    }
    board.find({ type: 'finding.made', at: clock.now(), finding, over: false })
    const { findings } = systemViewOf(board)
    expect(findings).toEqual([finding])
    const attempts = [
      () => (findings as unknown[]).pop(),
      () => Object.assign(findings[0] ?? {}, { pattern: 'mine' }),
      () => (findings[0]!.services as string[]).pop(),
      () => Object.assign(findings[0]?.evidence.counts[0] ?? {}, { calls: -1 }),
    ]
    for (const attempt of attempts) expect(attempt).toThrow(TypeError)
    clock.advance(1000)
    expect(systemViewOf(board).findings).toBe(findings)
    board.find({ type: 'finding.made', at: clock.now(), finding, over: true })
    expect(systemViewOf(board).findings).toEqual([])
    expect(board.context.findings).toEqual([])
  })
})
