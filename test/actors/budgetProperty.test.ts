// Whatever calls come, in whatever order they end: what is spent stays within what blocking rules allow, but for what calls cost
// beyond their estimates; and every figure is what a plain list of all that happened adds up to.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { BudgetKeeper } from '../../src/actors/budgets/budgetKeeper.ts'
import type { Reservation } from '../../src/actors/callFollower.ts'
import { dollarsOf, toNanos } from '../../src/model/budgets/money.ts'
import { type BudgetsInput, resolveBudgets } from '../../src/model/budgets/rules.ts'
import type { JournalRecord, OutcomeRecord } from '../../src/model/records.ts'
import type { Signal } from '../../src/model/signals.ts'
import { VirtualClock } from '../../src/testing/index.ts'
import { budgetBoard, type Priced, statusOf } from './budgetBoard.ts'
import { replayed } from './testBoard.ts'

const RULES: BudgetsInput = {
  daily: 10,
  monthly: 25,
  rules: [
    { id: 'hour', type: 'rate', threshold: 4, action: 'block', per: 3_600_000 },
    { id: 'reports', type: 'absolute_daily', threshold: 3, action: 'block', scope: { operations: ['report'] } },
    { id: 'search', type: 'absolute_monthly', threshold: 8, action: 'block', scope: { services: ['search'] } },
    { id: 'told', type: 'absolute_daily', threshold: 2, action: 'alert_only' },
    { id: 'dear', type: 'operation', threshold: 3, action: 'block' },
  ],
}
const SERVICES = ['openai', 'search', 'store'] as const
const BLOCKING = ['daily_block', 'monthly_block', 'hour', 'reports', 'search']

const cents = (max: number) => fc.integer({ min: 0, max }).map((value) => value / 100)
const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('reserve' as const),
      service: fc.constantFrom(...SERVICES),
      operation: fc.constantFrom(undefined, 'report', 'chat'),
      estimate: fc.option(cents(250), { nil: undefined }),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('settle' as const),
      which: fc.nat(30),
      cost: fc.option(cents(400), { nil: undefined }),
      result: fc.constantFrom('success' as const, 'success' as const, 'failure' as const, 'ignored' as const),
      failure: fc.constantFrom('timeout' as const, 'http_error' as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('release' as const), which: fc.nat(30) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat(3_600_000) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat(15 * 86_400_000) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('save' as const) }) },
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

interface InFlight {
  readonly service: string
  readonly operation: string | undefined
  readonly expected: number
  readonly reservation: Reservation
}

/** A keeper, and beside it the plain list. */
class Comparison {
  readonly clock = new VirtualClock()
  readonly records: JournalRecord[] = []
  readonly inFlight: InFlight[] = []
  readonly bookings: {
    readonly at: number
    readonly service: string
    readonly operation: string | undefined
    readonly nanos: number
  }[] = []
  readonly standing = new Map<string, Map<string, Extract<Signal, { kind: 'budget' }>>>(SERVICES.map((name) => [name, new Map()]))
  /** By rule: what calls have cost beyond their estimates since all that was spent and set aside last fitted under its limit. */
  readonly errors = new Map<string, number>(BLOCKING.map((id) => [id, 0]))
  readonly keeper = this.make(true)

  make(told: boolean): BudgetKeeper {
    return new BudgetKeeper({
      budgets: resolveBudgets(RULES),
      quotas: new Map(),
      services: new Map(SERVICES.map((name) => [name, 'custom'])),
      clock: this.clock,
      tell: (service, signal) => {
        const rules = this.standing.get(service)
        if (!told || !rules) return
        if (signal.kind === 'budget') rules.set(signal.rule, signal)
        else if (signal.kind === 'budgetCleared') rules.delete(signal.rule ?? '')
      },
      standing: (service) => ({ budgets: [...(this.standing.get(service)?.values() ?? [])] as never }),
      alert: (record) => {
        if (told) this.records.push(record)
      },
    })
  }

  get now(): number {
    return this.clock.now()
  }

  take(next: Step): void {
    const at = this.now
    switch (next.do) {
      case 'reserve': {
        const { service, operation, estimate } = next
        const before = this.reserved()
        const request = {
          operation,
          override: false,
          bypass: false,
          estimate: estimate === undefined ? undefined : { cost: estimate, confidence: 1 },
        }
        const reservation = this.keeper.desk(service)?.reserve(at, request)
        if (reservation === undefined || 'rule' in reservation) return
        this.inFlight.push({ service, operation, reservation, expected: this.reserved() - before })
        return
      }
      case 'settle':
      case 'release': {
        const [one] = this.inFlight.splice(next.which % Math.max(1, this.inFlight.length), 1)
        if (one === undefined) return
        if (next.do === 'release') one.reservation.release(at)
        else this.#settle(one, next)
        // Once is all.
        const reserved = this.reserved()
        one.reservation.release(at)
        one.reservation.settle(at, 'success', { cost: 1 })
        expect(this.reserved()).toBe(reserved)
        return
      }
      case 'wait':
        this.clock.advance(next.ms)
        return
      case 'save':
        this.records.push({ type: 'header', startedAt: at, spend: JSON.parse(JSON.stringify(this.keeper.save())) } as never)
    }
  }

  #settle(one: InFlight, { result, cost, failure }: Extract<Step, { do: 'settle' }>): void {
    const at = this.now
    const measured = one.reservation.settle(at, result, cost === undefined ? undefined : { cost }, failure)
    const outcome = { type: 'outcome', at, service: one.service, result, latency: 0, generation: 0, ...measured }
    this.records.push(outcome as OutcomeRecord)
    if (measured?.cost === undefined) return
    const nanos = toNanos(measured.cost)
    this.bookings.push({ at, service: one.service, operation: one.operation, nanos })
    for (const [id, sum] of this.errors) this.errors.set(id, sum + Math.max(0, nanos - one.expected))
  }

  /** Set aside by all calls, billionths of a dollar. */
  reserved(): number {
    return toNanos(this.keeper.statuses().find(({ rule }) => rule === 'daily_block')?.reserved ?? Number.NaN)
  }

  check(): void {
    const at = this.now
    const date = (ms: number, length: number): string => new Date(ms).toISOString().slice(0, length)
    for (const status of this.keeper.statuses()) {
      const rule = RULES.rules?.find(({ id }) => id === status.rule)
      const counts = ({ service, operation }: { service: string; operation: string | undefined }): boolean =>
        (rule?.scope?.services?.includes(service) ?? true) && (rule?.scope?.operations?.includes(operation ?? '') ?? true)
      const within = (when: number): boolean => {
        if (status.type.endsWith('daily')) return date(when, 10) === date(at, 10)
        if (status.type.endsWith('monthly')) return date(when, 7) === date(at, 7)
        return status.type === 'rate' && Math.floor(when / 60_000) > Math.floor(at / 60_000) - 61
      }
      const sum = (list: readonly number[]): number => list.reduce((total, nanos) => total + nanos, 0)
      const spent = sum(this.bookings.filter((one) => counts(one) && within(one.at)).map(({ nanos }) => nanos))
      const reserved = sum(this.inFlight.filter(counts).map(({ expected }) => expected))
      expect([status.rule, toNanos(status.spent), toNanos(status.reserved)]).toEqual([status.rule, spent, reserved])
      expect(Object.is(status.reserved, -0)).toBe(false)
      this.#checkStanding(status, spent)
      const limit = toNanos(status.limit)
      if (this.errors.has(status.rule)) {
        if (spent + reserved <= limit) this.errors.set(status.rule, 0)
        expect(spent, status.rule).toBeLessThanOrEqual(limit + (this.errors.get(status.rule) ?? 0))
      }
    }
  }

  #checkStanding(status: ReturnType<BudgetKeeper['statuses']>[number], spent: number): void {
    if (status.type === 'operation') return
    const stands = status.standing !== 'clear'
    if (spent >= toNanos(status.limit)) expect([status.rule, stands]).toEqual([status.rule, true])
    else if (stands) expect([status.rule, status.action]).toEqual([status.rule, 'block'])
    for (const [service, rules] of this.standing) {
      const told = rules.get(status.rule)
      if (!stands) expect([service, told]).toEqual([service, undefined])
      if (told !== undefined) expect(told.until).toBe(status.periodEndsAt)
    }
  }

  /** What a restart would make of the records. */
  folded(): BudgetKeeper {
    const keeper = this.make(false)
    const last = this.records.findLastIndex(({ type }) => type === 'header')
    for (const record of this.records.slice(Math.max(0, last))) keeper.recall(JSON.parse(JSON.stringify(record)))
    keeper.save()
    return keeper
  }
}

test('spend passes a blocking rule by no more than calls in flight cost beyond their estimates; all figures add up; the journal tells the same', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 150 }), (steps) => {
      const comparison = new Comparison()
      comparison.take({ do: 'save' })
      comparison.keeper.begin()
      for (const next of steps) {
        comparison.take(next)
        comparison.check()
      }
      const { keeper } = comparison
      const folded = comparison.folded()
      const figures = (of: BudgetKeeper) => [of.spent(), ...of.statuses().map(({ rule, spent }) => [rule, spent])]
      expect(figures(folded)).toEqual(figures(keeper))
      keeper.dispose()
    }),
    { numRuns: 60 },
  )
})

test('on a board: calls at once, answered in any order, over any midnight', async () => {
  const call = fc.record({
    service: fc.constantFrom('openai', 'search', 'search/key'),
    estimate: cents(250),
    cost: fc.option(cents(300), { nil: undefined }),
    fails: fc.boolean(),
    wait: fc.constantFrom(0, 0, 0, 60_000, 3_600_000, 40_000_000),
  })
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), fc.array(call, { minLength: 1, maxLength: 40 }), async (scheduler, calls) => {
      const services = {
        openai: { trip: { consecutiveFailures: 1000 } },
        search: { trip: { consecutiveFailures: 1000 } },
      } as const
      const budgets = { daily: 10, monthly: 25 }
      const live = budgetBoard({ budgets, services })
      let beyond = 0
      const running = calls.map(({ service, estimate, cost, fails, wait }) =>
        scheduler.schedule(Promise.resolve()).then(() => {
          live.clock.advance(wait)
          const options = { estimate: { cost: estimate, confidence: 0.9 } }
          const answer = (): Promise<Priced> =>
            fails
              ? scheduler.schedule(Promise.resolve()).then(() => Promise.reject(new Error('down')))
              : scheduler.schedule(Promise.resolve(cost === undefined ? {} : { cost }))
          const ended = (): void => {
            if (!fails) beyond += Math.max(0, toNanos(cost ?? 0) - toNanos(estimate))
            const { spent, limit } = statusOf(live, 'daily_block')
            expect(toNanos(spent)).toBeLessThanOrEqual(toNanos(limit) + beyond)
          }
          return live.call(service, answer, options).then(ended, () => undefined)
        }),
      )
      await scheduler.waitFor(Promise.all(running))
      for (const { reserved } of live.keeper.statuses()) expect(reserved).toBe(0)
      const month = live.journal.records.reduce(
        (sum, one) => sum + (one.type === 'outcome' && inMonth(one.at, live.clock.now()) ? toNanos(one.cost ?? 0) : 0),
        0,
      )
      expect(live.keeper.spent().month).toBe(dollarsOf(month))
      expect(replayed(live.records()).differences).toBe(0)
      const before = live.records()
      live.close()
      const after = budgetBoard({ budgets, services, clock: live.clock, before })
      expect(after.keeper.statuses()).toEqual(live.keeper.statuses())
      // A restart has nothing to tell breakers that know.
      expect(after.signals()).toEqual([])
      for (const name of ['openai', 'search']) expect(after.breaker(name).path).toBe(live.breaker(name).path)
      after.close()
    }),
    { numRuns: 40 },
  )
})

function inMonth(at: number, now: number): boolean {
  return new Date(at).toISOString().slice(0, 7) === new Date(now).toISOString().slice(0, 7)
}
