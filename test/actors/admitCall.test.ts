// The budget's word on a call: money is set aside before the gate is asked, given back when the gate refuses, and booked when the
// call ends. A call that does not fit is refused without the state changing, and a replay does the same without any budget.
import { describe, expect, it } from 'vitest'
import { Board } from '../../src/actors/board.ts'
import type { Breaker } from '../../src/actors/breaker.ts'
import type { BudgetDesk, BudgetRequest } from '../../src/actors/callFollower.ts'
import { type ExecuteOptions, execute } from '../../src/actors/execute.ts'
import { admit } from '../../src/actors/permit.ts'
import { MemoryBus } from '../../src/bus/memoryBus.ts'
import { MemoryJournal } from '../../src/bus/memoryJournal.ts'
import { BreakerOpenError, BudgetExceededError } from '../../src/model/errors.ts'
import { resolvePolicy } from '../../src/model/policy.ts'
import { profileFor } from '../../src/services/profiles.ts'
import { VirtualClock } from '../../src/testing/index.ts'
import { fails, ofType, replayed } from './testBoard.ts'

/** A desk that lets through what costs at most `limit` dollars in all, and writes down what it is asked. */
function deskOf(limit: number) {
  const asked: BudgetRequest[] = []
  const log: string[] = []
  let free = limit
  const desk: BudgetDesk = {
    reserve(_at, request) {
      asked.push(request)
      const cost = request.estimate?.cost ?? 1
      if (cost > free && !request.override && !request.bypass) return { rule: 'daily', retryAfterMs: 500 }
      free -= cost
      return {
        settle: (_end, result, measured) => {
          log.push(`settled ${result}`)
          return { ...measured, cost: measured?.cost ?? cost, ...(measured?.cost === undefined ? { costEstimated: true } : {}) }
        },
        release: () => {
          log.push('released')
          free += cost
        },
      }
    },
  }
  return { desk, asked, log }
}

function boardWith(desk: BudgetDesk): { breaker: Breaker; journal: MemoryJournal; clock: VirtualClock } {
  const clock = new VirtualClock()
  const journal = new MemoryJournal()
  const outfit = (breaker: Breaker): void => {
    breaker.budgets = desk
  }
  const board = new Board({
    clock,
    bus: new MemoryBus(),
    profileFor: (kind) => profileFor(kind),
    seed: 1,
    software: 'test',
    outfit,
  })
  const breaker = board.add(
    'search',
    'http',
    resolvePolicy('http', { trip: { consecutiveFailures: 2 }, degrade: false }),
    board.now(),
  )
  journal.open((reason) => board.header(reason))
  board.keep(journal)
  return { breaker, journal, clock }
}

const run = (breaker: Breaker, options?: ExecuteOptions): Promise<unknown> => execute(breaker, () => 'answer', options)

describe('a call under a budget', () => {
  it('is made when it fits, and its outcome carries what was booked', async () => {
    const { desk, asked, log } = deskOf(3)
    const { breaker, journal } = boardWith(desk)
    await run(breaker)
    await run(breaker, { operation: 'chat', estimate: { cost: 0.5, confidence: 0.9 } })
    expect(asked).toEqual([
      { operation: undefined, estimate: undefined, override: false, bypass: false },
      { operation: 'chat', estimate: { cost: 0.5, confidence: 0.9 }, override: false, bypass: false },
    ])
    expect(log).toEqual(['settled success', 'settled success'])
    expect(ofType(journal.records, 'outcome').map(({ cost, costEstimated }) => [cost, costEstimated])).toEqual([
      [1, true],
      [0.5, true],
    ])
  })

  it('that does not fit is refused by the name of the rule, in the state that stands, and replays alike', async () => {
    const { desk } = deskOf(1)
    const { breaker, journal } = boardWith(desk)
    await run(breaker)
    const error = (await run(breaker).catch((reason) => reason)) as Error
    expect(error).toBeInstanceOf(BudgetExceededError)
    expect(error).toMatchObject({ state: 'closed', reason: 'budget.daily', retryAfterMs: 500, service: 'search' })
    expect(error.message).toBe('search: the call does not fit under the budget rule daily')
    expect(breaker.path).toBe('closed.watching')
    expect(breaker.rejected).toBe(1)
    expect(ofType(journal.records, 'outcome').at(-1)).toMatchObject({ result: 'rejected', state: 'closed', budget: 'daily' })
    expect(replayed(journal.records)).toMatchObject({ inputs: 2, differences: 0 })
    expect(() => admit(breaker)).toThrow(BudgetExceededError)
  })

  it('gives its money back when the gate refuses it', async () => {
    const { desk, log } = deskOf(100)
    const { breaker, journal } = boardWith(desk)
    for (let i = 0; i < 2; i++) await execute(breaker, fails()).catch(() => undefined)
    await expect(run(breaker)).rejects.toThrow(BreakerOpenError)
    expect(log).toEqual(['settled failure', 'settled failure', 'released'])
    expect(replayed(journal.records)).toMatchObject({ differences: 0 })
  })

  it('hears the graver reason first: an open breaker rather than an empty purse', async () => {
    const { desk } = deskOf(2)
    const { breaker } = boardWith(desk)
    for (let i = 0; i < 2; i++) await execute(breaker, fails()).catch(() => undefined)
    await expect(run(breaker)).rejects.toThrow(BreakerOpenError)
    expect(breaker.rejected).toBe(1)
  })

  it('passes with an emergency override where the rule lets it', async () => {
    const { desk } = deskOf(0)
    const { breaker } = boardWith(desk)
    await expect(run(breaker)).rejects.toThrow(BudgetExceededError)
    await expect(run(breaker, { emergencyOverride: { by: 'ann', why: 'a fire' } })).resolves.toBe('answer')
  })

  it('passes where an operator has switched the breaker off, and is booked', async () => {
    const { desk, log } = deskOf(0)
    const { breaker } = boardWith(desk)
    breaker.command(breaker.clock.now(), { name: 'disable', by: 'ann', why: 'a drill' })
    await expect(run(breaker)).resolves.toBe('answer')
    expect(log).toEqual(['settled success'])
  })

  it('that its caller gives up is settled as ignored', async () => {
    const { desk, log } = deskOf(9)
    const { breaker } = boardWith(desk)
    admit(breaker).ignore()
    expect(log).toEqual(['settled ignored'])
  })
})
