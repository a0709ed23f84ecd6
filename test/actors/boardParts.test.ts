// What a board does at its edges: what its header tells, what it makes of listeners that throw, and that it takes nobody in once
// it is switched off.
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { InspectionEvent } from 'xstate'
import { Board, type BoardOptions } from '../../src/actors/board.ts'
import { MemoryBus } from '../../src/bus/memoryBus.ts'
import { parseConfig } from '../../src/model/config.ts'
import { resolvePolicy } from '../../src/model/policy.ts'
import { profileFor } from '../../src/services/profiles.ts'
import { VirtualClock } from '../../src/testing/index.ts'
import { PLAIN, story } from '../scenarios/scenario.ts'

const POLICY = resolvePolicy('custom', {})

function boardWith(options: Partial<BoardOptions> = {}): Board {
  const board = new Board({
    clock: new VirtualClock(),
    bus: new MemoryBus(),
    profileFor: (kind) => profileFor(kind),
    seed: 1,
    software: 'test',
    ...options,
  })
  onTestFinished(() => board.stop())
  return board
}

describe('the header', () => {
  it('tells of budgets, of what was dropped and of the orchestrator where there are any', () => {
    const { orchestrator } = parseConfig({ services: { a: {} } })
    const header = boardWith({ spend: () => ({ total: 1 }), orchestrator }).header('rotation', 3)
    expect(header).toMatchObject({ reason: 'rotation', spend: { total: 1 }, dropped: 3, orchestrator: { config: orchestrator } })
    expect(header.orchestrator?.saved).not.toHaveProperty('config')
  })

  it('says nothing of what there is none of', () => {
    const header = boardWith().header('start')
    for (const part of ['spend', 'dropped', 'orchestrator']) expect(header).not.toHaveProperty(part)
  })
})

describe('an inspector', () => {
  const oops = (thrown: unknown) => () => {
    throw thrown
  }

  it.each([
    ['a function', oops(new Error('a poor inspector')), 'Error: a poor inspector'],
    ['an observer', { next: oops(new Error('a poor observer')) }, 'Error: a poor observer'],
    ['one that throws words', oops('just words'), 'just words'],
    ['an error without a stack', oops(Object.assign(new Error('bare'), { stack: undefined })), 'bare'],
  ])('that throws is told of once: %s', (_, inspect, text) => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    const board = boardWith({ inspect })
    const breaker = board.add('a', 'custom', POLICY, 0)
    breaker.command(0, { name: 'trip', by: 'ann', why: 'r' })
    expect(breaker.path).toBe('open.forced')
    expect(warned).toHaveBeenCalledTimes(1)
    expect(String(warned.mock.calls[0]?.[0])).toContain(`the inspector threw; further errors of it are not shown: ${text}`)
    warned.mockRestore()
  })

  it('may be an observer of anything', () => {
    const seen: InspectionEvent[] = []
    boardWith({ inspect: { next: (event) => seen.push(event) } }).add('a', 'custom', POLICY, 0)
    expect(seen.length).toBeGreaterThan(0)
    expect(() => boardWith({ inspect: {} }).add('a', 'custom', POLICY, 0)).not.toThrow()
  })
})

it('a board may be switched off twice, and takes nobody in after', () => {
  const board = boardWith()
  board.add('a', 'custom', POLICY, 0)
  const complaint = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  board.stop()
  board.stop()
  expect(complaint).not.toHaveBeenCalled()
  expect(() => board.add('b', 'custom', POLICY, 0)).toThrow('the breaker of b was not started')
  complaint.mockRestore()
})

it('a breaker that is not there is removed without a word, and one that is there leaves nothing', () => {
  const board = boardWith()
  const breaker = board.add('a', 'custom', POLICY, 0)
  board.remove('nobody', 0)
  expect([...board.breakers]).toEqual([breaker])
  board.remove('a', 0)
  expect([[...board.breakers], [...board.services], breaker.disposed]).toEqual([[], [], true])
})

it('an alert names the root only where something beneath is down', async () => {
  const { answers, pass, events, replays } = await story({
    db: PLAIN,
    web: { ...PLAIN, dependsOn: ['db'] },
    z: PLAIN,
  })
  answers('z', 503)
  answers('db', 503)
  pass(4)
  answers('web', 503)
  pass(4)
  const opened = events.flatMap((event) => (event.type === 'alert' && event.code === 'opened' ? [event] : []))
  expect(opened.map(({ service, root }) => [service, root])).toEqual([
    ['db', undefined],
    ['z', undefined],
    ['web', 'db'],
  ])
  replays()
})

it('a half-open service with a call out keeps its place beyond the lease', async () => {
  const { gear, clock, answers, pass, replays } = await story(
    { a: PLAIN, b: PLAIN, c: PLAIN, d: PLAIN, e: PLAIN },
    { orchestrator: { maxConcurrentRecoveries: 1, recoveryLease: 2000 } },
  )
  for (const name of ['a', 'b'] as const) answers(name, 503)
  pass(3)
  while (gear.state('a') !== 'halfOpen') clock.advance(100)
  const probe = gear.admit('a')
  clock.advance(4000)
  expect(gear.system.waiting).toEqual(['b'])
  probe.succeed()
  expect(gear.system.waiting).toEqual([])
  replays()
})
