// Several budget rules at once: each stands until its own end, and the gravest is obeyed.
import { describe, expect, test } from 'vitest'
import { Gate } from '../../src/actors/gate.ts'
import { BreakerDriver } from './breakerDriver.ts'

const DAYS_30 = 2_592_000_000

function throttle(
  drive: BreakerDriver,
  rule: string,
  share: number,
  forMs: number,
  allowEmergencyOverride = false,
): BreakerDriver {
  const until = drive.at + forMs
  return drive.send({
    type: 'budget.limited',
    budget: { kind: 'budget', mode: 'throttled', share, rule, until, allowEmergencyOverride },
  })
}

/** How many of a hundred calls pass, after the first. */
function passes({ context, at }: BreakerDriver): number {
  const gate = new Gate()
  gate.project(context, at)
  gate.ask(at)
  let count = 0
  for (let i = 0; i < 100; i++) if (gate.ask(at) === undefined) count++
  return count
}

describe('budget rules', () => {
  test('do not forget each other: a day that blocks ends, the month that throttles goes on', () => {
    const drive = new BreakerDriver().budget('throttled', DAYS_30, 'month').budget('blocked', 100_000, 'day')
    expect(drive.wait(99_999).path).toBe('budgetLimited.blocked')
    expect(drive.wait(1).path).toBe('budgetLimited.throttled')
    expect(drive.wait(DAYS_30 - 100_001).path).toBe('budgetLimited.throttled')
    expect(drive.wait(1).path).toBe('closed.watching')
  })

  test('that only throttle do not soften one that blocks, in whatever order they come', () => {
    const drive = new BreakerDriver().budget('blocked', 100_000, 'day').budget('throttled', 50_000, 'month')
    expect(drive.path).toBe('budgetLimited.blocked')
    expect(drive.wait(100_000).path).toBe('closed.watching')
  })

  test('that throttle leave the smallest share among them, and the next when that has ended', () => {
    const drive = throttle(throttle(new BreakerDriver(), 'day', 0.2, 10_000), 'month', 0.6, 90_000)
    expect(passes(drive)).toBe(20)
    const { generation } = drive.context
    expect(passes(drive.wait(10_000))).toBe(60)
    expect([drive.path, drive.context.generation]).toEqual(['budgetLimited.throttled', generation])
    expect(drive.wait(80_000).path).toBe('closed.watching')
  })

  test('replace what they said before, and nothing else', () => {
    const drive = new BreakerDriver().budget('throttled', DAYS_30, 'month').budget('blocked', 100_000, 'day')
    drive.budget('throttled', 100_000, 'day')
    expect(drive.path).toBe('budgetLimited.throttled')
    expect(drive.context.standing.budgets?.map(({ rule }) => rule)).toEqual(['month', 'day'])
  })

  test('are cleared by name, or all at once', () => {
    const both = () => new BreakerDriver().budget('throttled', DAYS_30, 'month').budget('blocked', 100_000, 'day')
    expect(both().send({ type: 'budget.cleared', rule: 'day' }).path).toBe('budgetLimited.throttled')
    expect(both().send({ type: 'budget.cleared', rule: 'month' }).path).toBe('budgetLimited.blocked')
    expect(both().send({ type: 'budget.cleared', rule: 'week' }).path).toBe('budgetLimited.blocked')
    expect(both().send({ type: 'budget.cleared' }).path).toBe('closed.watching')
  })

  test('stand beside the refusal of the service itself', () => {
    const drive = new BreakerDriver().budget('throttled', DAYS_30, 'month').fail('budget_exceeded', { retryAfterMs: 30_000 })
    expect(drive.path).toBe('budgetLimited.blocked')
    expect(drive.wait(30_000).path).toBe('budgetLimited.throttled')
  })

  test('lapse in their time beneath another state', () => {
    const drive = new BreakerDriver().budget('throttled', 50_000, 'month').budget('blocked', 100_000, 'day').maintain(200_000)
    expect(drive.wait(200_000).path).toBe('halfOpen')
    expect(drive.context.standing.budgets).toBeUndefined()
  })

  test('an override passes a rule that allows it only where no equally strict one forbids it', () => {
    const drive = throttle(throttle(new BreakerDriver(), 'day', 0, 90_000, true), 'month', 0, 90_000, false)
    const gate = new Gate()
    gate.project(drive.context, drive.at)
    expect(gate.peek(drive.at, 'emergency_override')).toBe('budget')
  })

  test('a quota that is gone beneath a throttling rule lets nothing pass, and the pace after it is kept', () => {
    const drive = throttle(new BreakerDriver(), 'month', 0.9, DAYS_30).limit('exhausted', 60_000).limit('paced', 120_000, 1)
    const gate = new Gate()
    gate.project(drive.context, drive.at)
    expect([gate.ask(drive.at), gate.nextTokenIn(drive.at)]).toEqual(['rate', 60_000])
    expect(gate.ask(drive.at + 60_000)).toBeUndefined()
    expect(gate.ask(drive.at + 60_001)).toBe('rate')
  })
})
