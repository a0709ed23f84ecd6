// What budgets do to calls: money is set aside and booked, rules take hold and let go, breakers and people are told.
import { describe, expect, it, test } from 'vitest'
import { BudgetExceededError, RateLimitedError } from '../../src/model/errors.ts'
import { budgetBoard, type Priced, statusOf } from './budgetBoard.ts'
import { ofType, open, path, replayed, settle, watch } from './testBoard.ts'

const DAY = 86_400_000
const by = { by: 'ann', why: 'the launch' }
const given = (cost: number) => ({ estimate: { cost, confidence: 0.9 } })
const block = { id: 'block', type: 'absolute_daily', threshold: 10, action: 'block' } as const
const throttle = { id: 'slow', type: 'absolute_daily', threshold: 10, action: 'throttle', throttleFactor: 0.25 } as const

describe('a blocking rule', () => {
  it('refuses a call whose estimate does not fit beside what is spent and set aside', async () => {
    const live = budgetBoard({ budgets: { rules: [block] } })
    await live.pay('openai', 4)
    const slow = open<Priced>()
    const running = live.call('openai', () => slow.promise, given(5))
    expect(statusOf(live, 'block')).toMatchObject({ spent: 4, reserved: 5, limit: 10, standing: 'clear' })
    const refused = watch(live.pay('openai', 1, given(1.000001)))
    const fits = live.pay('openai', 1, given(1))
    await fits
    expect(refused.error).toBeInstanceOf(BudgetExceededError)
    expect(refused.error).toMatchObject({
      reason: 'budget.block',
      retryAfterMs: undefined,
      code: 'ERR_SWITCHGEAR_BUDGET_EXCEEDED',
    })
    slow.resolve({ cost: 2 })
    await running
    expect(statusOf(live, 'block')).toMatchObject({ spent: 7, reserved: 0 })
    expect(ofType(live.journal.records, 'outcome').map(({ result, cost, budget }) => [result, cost ?? budget])).toEqual([
      ['success', 4],
      ['rejected', 'block'],
      ['success', 1],
      ['success', 2],
    ])
  })

  it('tells every service it concerns when its limit is met, until the day is over', async () => {
    const live = budgetBoard({
      budgets: { rules: [block] },
      services: { openai: { kind: 'openai' }, search: { kind: 'perplexity' } },
    })
    await live.pay('openai', 10)
    const until = live.clock.now() + DAY
    for (const name of ['openai', 'search']) {
      expect(live.breaker(name).path).toBe('budgetLimited.blocked')
      expect(live.signals(name).map(({ signal }) => signal)).toEqual([
        { kind: 'budget', mode: 'blocked', share: 0, until, rule: 'block', allowEmergencyOverride: false },
      ])
    }
    expect(live.alerts()).toMatchObject([
      { level: 'error', code: 'budget_exceeded', by: 'budgets', rule: 'block', service: 'openai' },
    ])
    const refused = watch(live.pay('search', 1))
    await settle()
    expect(refused.error).toMatchObject({ code: 'ERR_SWITCHGEAR_BUDGET_EXCEEDED', retryAfterMs: DAY })
    live.clock.runTo(until)
    expect([live.breaker('openai').path, live.breaker('search').path]).toEqual(['closed.watching', 'closed.watching'])
    expect(statusOf(live, 'block')).toMatchObject({ spent: 0, standing: 'clear', periodEndsAt: until + DAY })
    await live.pay('search', 1)
    expect(replayed(live.records()).differences).toBe(0)
  })

  it('says once that its limit is met, however many calls come after', async () => {
    const live = budgetBoard({ budgets: { rules: [block] } })
    const all = Array.from({ length: 5 }, () => open<Priced>())
    const running = all.map(({ promise }) => live.call('openai', () => promise, given(2)))
    for (const one of all) one.resolve({ cost: 4 })
    await Promise.all(running)
    for (let i = 0; i < 20; i++) await live.pay('openai', 1).catch(() => undefined)
    expect(live.signals()).toHaveLength(1)
    expect(live.alerts()).toHaveLength(1)
    expect(statusOf(live, 'block')).toMatchObject({ spent: 20, share: 2, standing: 'blocked' })
  })

  it('takes hold when not even the cheapest sort of call fits any more', async () => {
    const live = budgetBoard({ budgets: { rules: [block] } })
    await live.pay('openai', 0.4, { operation: 'note' })
    for (let i = 0; i < 3; i++) await live.pay('openai', 3, { operation: 'report' })
    await live.pay('openai', 3, { operation: 'report' }).catch(() => undefined)
    expect([live.breaker('openai').path, statusOf(live, 'block').standing]).toEqual(['closed.watching', 'clear'])
    await live.pay('openai', 0.4, { operation: 'note' })
    await live.pay('openai', 0.4, { operation: 'note' }).catch(() => undefined)
    expect([live.breaker('openai').path, statusOf(live, 'block').standing]).toEqual(['budgetLimited.blocked', 'blocked'])
    expect(live.alerts().map(({ code }) => code)).toEqual(['budget_exceeded'])
    live.keeper.raise('block', 11, by)
    expect(live.breaker('openai').path).toBe('closed.watching')
  })

  it('on a month is critical', async () => {
    const live = budgetBoard({ budgets: { monthly: 5 } })
    await live.pay('openai', 5)
    expect(live.alerts().map(({ level, code, rule }) => [level, code, rule])).toEqual([
      ['critical', 'budget_exceeded', 'monthly_block'],
      ['warning', 'budget_warning', 'monthly_throttle'],
      ['warning', 'costly_operation', 'costly_operation'],
    ])
    live.clock.runTo(Date.parse('2026-01-31T23:59:59.999Z'))
    expect(live.breaker('openai').path).toBe('budgetLimited.blocked')
    live.clock.advance(1)
    expect(live.breaker('openai').path).toBe('closed.watching')
  })
})

describe('a throttling rule', () => {
  it('leaves its share once its limit is met, and lets go when the budget is raised', async () => {
    const live = budgetBoard({ budgets: { rules: [throttle] } })
    await live.pay('openai', 10)
    expect(live.alerts()).toMatchObject([{ level: 'warning', code: 'budget_warning' }])
    let passed = 0
    for (let i = 0; i < 41; i++)
      await live.pay('openai', 0.01).then(
        () => passed++,
        () => undefined,
      )
    expect([live.breaker('openai').path, passed]).toEqual(['budgetLimited.throttled', 11])
    live.keeper.raise('slow', 20, by)
    expect(live.breaker('openai').path).toBe('closed.watching')
    expect(live.alerts().at(-1)).toMatchObject({ level: 'info', code: 'budget_raised', rule: 'slow', limit: 20 })
    expect(live.alerts().at(-1)?.message).toBe('slow: ann sets the limit from $10.00 to $20.00: the launch')
    expect(statusOf(live, 'slow')).toMatchObject({ limit: 20, standing: 'clear' })
    live.keeper.raise('slow', 5, by)
    expect(live.breaker('openai').path).toBe('budgetLimited.throttled')
  })

  it('with the defaults of a day: half of the calls at 90%, none at 100%', async () => {
    const live = budgetBoard({ budgets: { daily: 10 } })
    await live.pay('openai', 0.5)
    await live.pay('openai', 8.5)
    expect(live.breaker('openai').path).toBe('budgetLimited.throttled')
    expect(live.signals().at(-1)?.signal).toMatchObject({ mode: 'throttled', share: 0.5, rule: 'daily_throttle' })
    await live.pay('openai', 1, given(1))
    expect(live.breaker('openai').path).toBe('budgetLimited.blocked')
    live.clock.advance(DAY)
    expect(live.breaker('openai').path).toBe('closed.watching')
  })
})

describe('a rule that only alerts', () => {
  it('tells of its limit once a day and keeps nobody from calling', async () => {
    const live = budgetBoard({ budgets: { rules: [{ ...block, action: 'alert_only' }] } })
    for (let i = 0; i < 5; i++) await live.pay('openai', 10, given(50))
    expect([live.alerts().length, live.signals().length, statusOf(live, 'block').standing]).toEqual([1, 0, 'alerting'])
    expect(live.alerts()[0]).toMatchObject({ level: 'warning', code: 'budget_warning' })
    live.clock.advance(DAY)
    expect(statusOf(live, 'block').standing).toBe('clear')
    await live.pay('openai', 10)
    expect(live.alerts()).toHaveLength(2)
  })
})

describe('a rule on a rate', () => {
  const rate = { id: 'rate', type: 'rate', threshold: 6, per: 60_000, action: 'block' } as const

  it('counts what was spent within its span, and lets go when enough of that has lapsed', async () => {
    const live = budgetBoard({ budgets: { rules: [rate] } })
    await live.pay('openai', 3)
    live.clock.advance(30_000)
    await live.pay('openai', 3)
    expect(live.breaker('openai').path).toBe('budgetLimited.blocked')
    const { periodEndsAt } = statusOf(live, 'rate')
    expect(periodEndsAt).toBe(live.clock.now() + 31_000)
    live.clock.advance(30_999)
    expect(live.breaker('openai').path).toBe('budgetLimited.blocked')
    live.clock.advance(1)
    expect([live.breaker('openai').path, statusOf(live, 'rate')]).toMatchObject([
      'closed.watching',
      { spent: 3, standing: 'clear', periodEndsAt: undefined },
    ])
    live.clock.advance(30_000)
    expect(statusOf(live, 'rate').spent).toBe(0)
    expect(replayed(live.records()).differences).toBe(0)
  })

  it('lets go only below its share of the limit, where one is set', async () => {
    const live = budgetBoard({ budgets: { rules: [{ ...rate, recoverBelow: 0.5 }] } })
    await live.pay('openai', 3)
    live.clock.advance(30_000)
    await live.pay('openai', 3)
    live.clock.advance(31_000)
    expect(live.breaker('openai').path).toBe('budgetLimited.blocked')
    live.clock.advance(30_000)
    expect(live.breaker('openai').path).toBe('closed.watching')
  })

  it('tells a later end when calls that were under way are paid for after it took hold', async () => {
    const live = budgetBoard({ budgets: { rules: [rate] } })
    const slow = open<Priced>()
    const running = live.call('openai', () => slow.promise, given(0))
    await live.pay('openai', 6)
    live.clock.advance(20_000)
    slow.resolve({ cost: 6 })
    await running
    expect(live.signals().map(({ signal }) => 'until' in signal && signal.until)).toEqual([
      live.clock.now() + 41_000,
      live.clock.now() + 61_000,
    ])
    live.clock.advance(60_999)
    expect(live.breaker('openai').path).toBe('budgetLimited.blocked')
    live.clock.advance(1)
    expect(live.breaker('openai').path).toBe('closed.watching')
  })

  it('that throttles is told seldom while calls go on, and ends when they cost less', async () => {
    const live = budgetBoard({ budgets: { rules: [{ ...rate, action: 'throttle' }] } })
    for (let second = 0; second < 600; second++) {
      await live.pay('openai', 0.5).catch(() => undefined)
      live.clock.advance(1000)
    }
    expect(live.breaker('openai').path).toBe('budgetLimited.throttled')
    expect(live.signals().length).toBeLessThan(12)
    live.clock.advance(62_000)
    expect([live.breaker('openai').path, statusOf(live, 'rate').standing]).toEqual(['closed.watching', 'clear'])
  })

  it('says when a call that is too dear now will fit', async () => {
    const live = budgetBoard({ budgets: { rules: [rate] } })
    for (let i = 0; i < 4; i++) await live.pay('openai', 1)
    const refused = watch(live.pay('openai', 3, given(3)))
    const never = watch(live.pay('openai', 7, given(7)))
    await settle()
    expect([refused.error, never.error]).toMatchObject([{ retryAfterMs: 61_000 }, { retryAfterMs: undefined }])
  })
})

describe('a rule on single calls', () => {
  const costly = { id: 'costly', type: 'operation', threshold: 1 } as const

  it('tells of what a call has cost, and no more often than its cooldown', async () => {
    const live = budgetBoard({ budgets: { rules: [{ ...costly, action: 'alert_only', cooldown: 60_000 }] } })
    await live.pay('openai', 1)
    await live.pay('openai', 1.5, { operation: 'report' })
    await live.pay('openai', 9)
    live.clock.advance(60_000)
    await live.pay('openai', 1.2)
    expect(live.alerts().map(({ message }) => message)).toEqual([
      'costly: a call of openai (report) cost $1.50, above $1.00',
      'costly: a call of openai cost $1.20, above $1.00',
    ])
    expect(statusOf(live, 'costly')).toMatchObject({ spent: 0, share: 0, standing: 'clear', periodEndsAt: undefined })
  })

  it('refuses a call that is said to cost more, and no other', async () => {
    const live = budgetBoard({ budgets: { rules: [{ ...costly, action: 'block' }] } })
    await live.pay('openai', 5)
    await live.pay('openai', 5)
    const refused = watch(live.pay('openai', 1, given(1.01)))
    await live.pay('openai', 1, given(1))
    expect(refused.error).toMatchObject({ reason: 'budget.costly', retryAfterMs: undefined })
    expect(live.breaker('openai').path).toBe('closed.watching')
    expect(live.alerts()).toMatchObject([{ code: 'costly_operation', level: 'error' }])
  })

  it('that throttles lets a share of the costly calls pass', async () => {
    const live = budgetBoard({ budgets: { rules: [{ ...costly, action: 'throttle', throttleFactor: 0.5 }] } })
    let passed = 0
    for (let i = 0; i < 20; i++)
      await live.pay('openai', 2, given(2)).then(
        () => passed++,
        () => undefined,
      )
    expect(passed).toBe(11)
    expect(live.alerts()[0]?.code).toBe('costly_operation')
  })
})

describe('a rule for some operations', () => {
  const scope = { services: ['openai'], operations: ['report'] }

  it('refuses those when their money is gone, and leaves the service alone', async () => {
    const live = budgetBoard({ budgets: { rules: [{ ...block, scope }] } })
    await live.pay('openai', 10, { operation: 'report' })
    const refused = watch(live.pay('openai', 0, { operation: 'report' }))
    await live.pay('openai', 50, { operation: 'chat' })
    await live.pay('openai', 50)
    expect(refused.error).toMatchObject({ reason: 'budget.block', retryAfterMs: DAY })
    expect([live.breaker('openai').path, live.signals().length, statusOf(live, 'block').spent]).toEqual([
      'closed.watching',
      0,
      10,
    ])
  })

  it('that throttles leaves a share of them', async () => {
    const live = budgetBoard({ budgets: { rules: [{ ...throttle, scope }] } })
    await live.pay('openai', 10, { operation: 'report' })
    let passed = 0
    for (let i = 0; i < 40; i++)
      await live.pay('openai', 0, { operation: 'report' }).then(
        () => passed++,
        () => undefined,
      )
    expect(passed).toBe(11)
  })

  it('counts an answer that says which operation it was', async () => {
    const live = budgetBoard({ budgets: { rules: [{ ...block, scope }] } })
    await live.call('openai', () => ({ cost: 10, operation: 'report' }))
    expect(statusOf(live, 'block')).toMatchObject({ spent: 10, standing: 'blocked' })
    expect(ofType(live.journal.records, 'outcome')[0]).toMatchObject({ operation: 'report', cost: 10 })
  })

  it('takes the word of the caller before that of the answer', async () => {
    const live = budgetBoard({ budgets: { rules: [{ ...block, scope }] } })
    await live.call('openai', () => ({ cost: 9, operation: 'chat' }), { operation: 'report' })
    expect(statusOf(live, 'block')).toMatchObject({ spent: 9, reserved: 0 })
    expect(ofType(live.journal.records, 'outcome')[0]).toMatchObject({ operation: 'report' })
  })
})

describe('an estimate', () => {
  it.each([
    ['what the caller says', { operation: 'chat', ...given(0.5) }, 0.5],
    ['mean and deviation of that operation', { operation: 'note' }, 3],
    ['the default of the operation, where none of its calls was priced', { operation: 'embeddings' }, 0.0001],
    ['mean and deviation of all calls, where the caller names none', {}, 3],
  ])('is %s', async (_, options, reserved) => {
    const live = budgetBoard({ budgets: { daily: 100 }, services: { openai: { kind: 'openai' } } })
    await live.pay('openai', 1, { operation: 'note' })
    await live.pay('openai', 3, { operation: 'note' })
    const slow = open<Priced>()
    const running = live.call('openai', () => slow.promise, options)
    expect(statusOf(live, 'daily_block').reserved).toBe(reserved)
    slow.resolve({})
    await running
  })

  it.each([Number.NaN, -5, 1e9])('of a profile that is no price (%s) is none', (cost) => {
    const live = budgetBoard({ budgets: { daily: 100 }, services: { openai: { kind: 'openai' } } })
    const request = { operation: 'chat', estimate: { cost, confidence: 1 }, override: false, bypass: false }
    live.breaker('openai').budgets?.reserve(live.clock.now(), request)
    expect(statusOf(live, 'daily_block').reserved).toBe(0.01)
  })

  it('can be asked for', async () => {
    const live = budgetBoard({ budgets: { daily: 100 }, services: { openai: { kind: 'openai' }, own: {}, local: {} } })
    await live.pay('own', 2, { operation: 'note' })
    expect(live.keeper.estimate('own', 'note')).toEqual({ cost: 2, confidence: 0.6 })
    expect(live.keeper.estimate('own', 'other')).toEqual({ cost: 2, confidence: 0.3 })
    expect(live.keeper.estimate('openai', 'chat')).toEqual({ cost: 0.01, confidence: 0.3 })
    expect([live.keeper.estimate('local'), live.keeper.estimate('nobody')]).toEqual([undefined, undefined])
  })
})

describe('what is booked', () => {
  const outcomes = async (cost: unknown, kind: 'openai' | 'custom' = 'openai', options = {}, priced = true) => {
    const live = budgetBoard({ budgets: { daily: 1000 }, services: { openai: { kind } } })
    if (priced) await live.pay('openai', 2)
    await live.call('openai', () => ({ cost }), options).catch(() => undefined)
    const { cost: booked, costEstimated } = ofType(live.journal.records, 'outcome').at(-1) ?? {}
    return [booked, costEstimated, live.keeper.spent('openai').day]
  }

  it.each([
    ['an answer with its price', 3, [3, undefined, 5]],
    ['an answer that cost nothing', 0, [0, undefined, 2]],
    ['a negative zero', -0, [0, undefined, 2]],
    ['an answer without a price', undefined, [2, true, 4]],
    ['a price that is no number', '7', [2, true, 4]],
    ['NaN', Number.NaN, [2, true, 4]],
    ['a price below zero', -3, [2, true, 4]],
    ['an absurd price', 1e30, [2, true, 4]],
  ])('of %s', async (_, cost, expected) => expect(await outcomes(cost)).toEqual(expected))

  it('of a service that has never had a price is nothing, whatever others spend', async () => {
    expect(await outcomes(undefined, 'custom', {}, false)).toEqual([undefined, undefined, 0])
    expect(await outcomes(undefined, 'openai', {}, false)).toEqual([undefined, undefined, 0])
  })

  it('of a service without prices is what a caller said the call would cost', async () => {
    expect(await outcomes(undefined, 'custom', given(0.7), false)).toEqual([0.7, true, 0.7])
  })

  it.each([
    ['a failure', () => Promise.reject(new Error('down')), {}, [undefined, undefined]],
    ['a timeout', () => new Promise(() => undefined), { timeout: 1000 }, [2, true]],
    ['the fault of the caller', () => Promise.reject(Object.assign(new Error(), { status: 404 })), {}, [undefined, undefined]],
  ])('of %s', async (_, run, options, expected) => {
    const live = budgetBoard({ budgets: { daily: 1000 }, services: { openai: { kind: 'openai' } } })
    await live.pay('openai', 2)
    const call = live.call('openai', run, options).catch(() => undefined)
    await live.clock.advanceAsync(1000)
    await call
    const { cost, costEstimated } = ofType(live.journal.records, 'outcome').at(-1) ?? {}
    expect([cost, costEstimated]).toEqual(expected)
    expect(statusOf(live, 'daily_block').reserved).toBe(0)
  })

  it('of a call that is given up is what it was expected to cost', async () => {
    const live = budgetBoard({ budgets: { daily: 1000 } })
    await live.pay('openai', 2)
    const controller = new AbortController()
    const call = live.call('openai', () => new Promise(() => undefined), { signal: controller.signal }).catch(() => undefined)
    controller.abort()
    await call
    expect(ofType(live.journal.records, 'outcome').at(-1)).toMatchObject({ result: 'ignored', cost: 2, costEstimated: true })
  })

  it('of a call that is given up, to a service without prices, is nothing', async () => {
    const live = budgetBoard({ budgets: { daily: 1000 } })
    const controller = new AbortController()
    const call = live.call('openai', () => new Promise(() => undefined), { signal: controller.signal }).catch(() => undefined)
    controller.abort()
    await call
    const outcome = ofType(live.journal.records, 'outcome').at(-1)
    expect(outcome).toMatchObject({ result: 'ignored' })
    expect(outcome).not.toHaveProperty('costEstimated')
  })

  it('of guesses teaches nothing', async () => {
    const live = budgetBoard({ budgets: { daily: 1000 } })
    await live.pay('openai', 2)
    await live.pay('openai', undefined, given(50))
    await live.call('openai', () => ({ cost: 70, costEstimated: true }))
    expect([live.keeper.estimate('openai')?.cost, live.keeper.spent().day]).toEqual([2, 122])
  })

  it('is nothing once the keeper is disposed', async () => {
    const live = budgetBoard({ budgets: { daily: 1000 } })
    const slow = open<Priced>()
    const running = live.call('openai', () => slow.promise)
    live.close()
    slow.resolve({ cost: 3 })
    await running
    expect(live.keeper.spent().day).toBe(0)
    live.clock.advance(2 * DAY)
    expect(live.keeper.spent().day).toBe(0)
  })
})

describe('a service that costs nothing', () => {
  const services = { openai: { kind: 'openai' }, store: { kind: 'cache' } } as const

  it('is left alone by rules for everybody, so that it can answer when the money is gone', async () => {
    const live = budgetBoard({ budgets: { rules: [block] }, services })
    await live.pay('openai', 12)
    await live.pay('store', undefined)
    expect([live.breaker('openai').path, live.breaker('store').path]).toEqual(['budgetLimited.blocked', 'closed.watching'])
  })

  it('is told of what stands as soon as it turns out to cost something', async () => {
    const live = budgetBoard({ budgets: { rules: [{ ...throttle, throttleFactor: 0.5 }] }, services })
    await live.pay('openai', 12)
    expect(live.signals('store')).toHaveLength(0)
    await live.pay('store', 0.1)
    expect(live.breaker('store').path).toBe('budgetLimited.throttled')
  })

  it('obeys a rule that names it', async () => {
    const rules = [{ ...block, scope: { services: ['openai', 'store'] } }]
    const live = budgetBoard({ budgets: { rules }, services })
    await live.pay('openai', 12)
    expect(live.breaker('store').path).toBe('budgetLimited.blocked')
  })

  it('has no desk where no rule is about it', () => {
    const rules = [{ ...block, scope: { services: ['openai'] } }]
    const { breaker } = budgetBoard({ budgets: { rules }, services })
    expect([breaker('openai').budgets !== undefined, breaker('store').budgets]).toEqual([true, undefined])
  })
})

describe('the breaker of a key', () => {
  it('shares the money of its service, and obeys its rules without being told', async () => {
    const live = budgetBoard({ budgets: { rules: [block] } })
    await live.pay('openai/gpt', 6)
    await live.pay('openai', 4, given(4))
    const refused = watch(live.pay('openai/gpt', 1))
    await settle()
    expect(refused.error).toMatchObject({ reason: 'budget.block', service: 'openai/gpt' })
    expect(live.breaker('openai/gpt').path).toBe('closed.watching')
    expect(replayed(live.records()).differences).toBe(0)
  })

  it('lets the share of a throttled service pass', async () => {
    const live = budgetBoard({ budgets: { rules: [throttle] } })
    await live.pay('openai/gpt', 10)
    let passed = 0
    for (let i = 0; i < 40; i++)
      await live.pay('openai/gpt', 0).then(
        () => passed++,
        () => undefined,
      )
    expect(passed).toBe(11)
  })
})

describe('an emergency override', () => {
  const emergencyOverride = { by: 'ann', why: 'the pager' }

  test('passes a rule that allows it, and is booked all the same', async () => {
    const live = budgetBoard({ budgets: { rules: [{ ...block, allowEmergencyOverride: true }] } })
    await live.pay('openai', 10)
    await live.pay('openai', 5, { emergencyOverride, ...given(5) })
    expect(statusOf(live, 'block')).toMatchObject({ spent: 15, reserved: 0 })
    const refused = watch(live.pay('openai', 5, given(5)))
    await settle()
    expect(refused.error).toBeInstanceOf(BudgetExceededError)
    expect(ofType(live.journal.records, 'admission')).toMatchObject([{ exemption: 'emergency_override', ...emergencyOverride }])
  })

  test('passes no rule that does not allow it', async () => {
    const rules = [
      { ...block, allowEmergencyOverride: true },
      { ...block, id: 'hard', threshold: 13 },
    ]
    const live = budgetBoard({ budgets: { rules } })
    for (let i = 0; i < 5; i++) await live.pay('openai', 2)
    const refused = watch(live.pay('openai', 4, { emergencyOverride, ...given(4) }))
    await settle()
    expect(refused.error).toMatchObject({ reason: 'budget.hard' })
  })
})

describe('several rules', () => {
  it('refuse in the order of their priority', async () => {
    const rules = [
      { ...block, id: 'later', priority: 1 },
      { ...block, id: 'first', priority: 20 },
    ]
    const live = budgetBoard({ budgets: { rules } })
    const refused = watch(live.pay('openai', 11, given(11)))
    await settle()
    expect(refused.error).toMatchObject({ reason: 'budget.first' })
  })

  it('are kept apart by service', async () => {
    const rules = ['openai', 'search'].map((name) => ({ ...block, id: name, scope: { services: [name] } }))
    const live = budgetBoard({ budgets: { rules }, services: { openai: {}, search: {} } })
    await live.pay('openai', 10)
    await live.pay('search', 4)
    expect(live.keeper.statuses().map(({ spent, standing }) => [spent, standing])).toEqual([
      [10, 'blocked'],
      [4, 'clear'],
    ])
    expect([live.keeper.spent('openai'), live.keeper.spent()]).toEqual([
      { day: 10, month: 10 },
      { day: 14, month: 14 },
    ])
  })
})

describe('days of a time zone', () => {
  it('end at its midnight, and the breaker is let go then', async () => {
    const live = budgetBoard({ budgets: { rules: [block], timeZone: 'Asia/Kathmandu' } })
    await live.pay('openai', 10)
    expect(statusOf(live, 'block').periodEndsAt).toBe(Date.parse('2026-01-01T18:15:00Z'))
    live.clock.runTo(Date.parse('2026-01-01T18:14:59.999Z'))
    expect(live.breaker('openai').path).toBe('budgetLimited.blocked')
    live.clock.advance(1)
    expect(live.breaker('openai').path).toBe('closed.watching')
  })
})

describe('a quota of calls', () => {
  const services = { search: { quota: 10 } } as const

  it('warns once at nine tenths, and tells the breaker when it is used up', async () => {
    const live = budgetBoard({ budgets: {}, services })
    for (let i = 0; i < 9; i++) await live.pay('search', undefined)
    expect(live.alerts()).toMatchObject([{ level: 'warning', code: 'quota_warning', service: 'search', by: 'budgets' }])
    await live.pay('search', undefined)
    expect(live.alerts().filter(({ by }) => by === 'budgets')).toHaveLength(1)
    expect(live.breaker('search').path).toBe('rateLimited.exhausted')
    const refused = watch(live.pay('search', undefined))
    await settle()
    expect(refused.error).toBeInstanceOf(RateLimitedError)
    live.clock.runTo(Date.parse('2026-02-01T00:00:00Z'))
    expect(live.breaker('search').path).toBe('closed.watching')
    for (let i = 0; i < 9; i++) await live.pay('search', undefined)
    expect(live.alerts().filter(({ code }) => code === 'quota_warning')).toHaveLength(2)
    expect(replayed(live.records()).differences).toBe(0)
  })

  it('is not passed by calls at once', async () => {
    const live = budgetBoard({ budgets: {}, services })
    const all = Array.from({ length: 15 }, () => watch(live.call('search', settle)))
    await settle()
    await settle()
    expect(all.map(({ error }) => error === undefined)).toEqual([...Array(10).fill(true), ...Array(5).fill(false)])
  })

  it('counts failures, and no call that was refused', async () => {
    const live = budgetBoard({ budgets: {}, services: { search: { quota: 10, trip: { consecutiveFailures: 2 } } } })
    for (let i = 0; i < 30; i++) await live.call('search', () => Promise.reject(new Error())).catch(() => undefined)
    expect(path(live.journal.records).at(-1)).toContain('open.cooling')
    expect(live.alerts().filter(({ by }) => by === 'budgets')).toEqual([])
  })
})

describe('raise', () => {
  it.each([
    ['nobody', 5],
    ['block', 0],
    ['block', -1],
    ['block', Number.NaN],
    ['block', 2e9],
  ])('takes no limit of %s that is %s', (rule, limit) => {
    const { keeper } = budgetBoard({ budgets: { rules: [block] } })
    expect(() => keeper.raise(rule, limit, by)).toThrow(expect.objectContaining({ name: 'ConfigError' }))
  })
})
