import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Gate, type Refusal } from '../../src/actors/gate.ts'
import type { BreakerContext, Spell, Standing } from '../../src/model/breaker/context.ts'
import { type PolicyInput, resolvePolicy } from '../../src/model/policy.ts'
import type { Exemption } from '../../src/model/records.ts'
import type { StatePath } from '../../src/model/states.ts'

const T = 1_767_225_600_000

function context(spell: StatePath | Spell, standing: Standing = {}, policy: PolicyInput = {}): BreakerContext {
  return {
    service: 'search',
    policy: resolvePolicy('http', policy),
    random: 1,
    generation: 4,
    countsFrom: 3,
    standing,
    spell: typeof spell === 'string' ? ({ in: spell, since: T } as Spell) : spell,
    openings: 0,
    closedSince: T,
    outageSince: undefined,
    notBefore: undefined,
    directiveEpoch: -1,
    nextProbe: 1,
    reason: 'test',
  }
}

function gateFor(...args: Parameters<typeof context>): Gate {
  const gate = new Gate()
  gate.project(context(...args), T)
  return gate
}

const throttled = (share: number, allowEmergencyOverride = false): Standing => ({
  budgets: [{ mode: 'throttled', share, until: undefined, rule: 'daily', allowEmergencyOverride }],
})
const paced = (perSecond: number, until = T + 60_000): Standing => ({ pace: { until, perSecond, why: 'test' } })
const directed = (admissionRatio: number): Standing => ({
  directive: { epoch: 1, level: 1, admissionRatio, hold: false, expiresAt: T + 60_000, rule: 'r', reason: 'r' },
})
const halfOpen = (admitted: number): Spell => ({
  in: 'halfOpen',
  since: T,
  until: undefined,
  admitted,
  successes: 0,
  failures: 0,
  inFlight: [],
})

/** Asks `asks` times, evenly over `ms`, and counts who passed. */
function pass(gate: Gate, asks: number, ms = 0, from = T): number {
  let passed = 0
  for (let i = 1; i <= asks; i++) if (gate.ask(from + (i * ms) / asks) === undefined) passed++
  return passed
}

describe('what a gate says', () => {
  it.each<[StatePath, Standing, Refusal | undefined]>([
    ['closed.watching', {}, undefined],
    ['closed.bypassed', {}, undefined],
    ['open.cooling', {}, 'open'],
    ['open.awaitingPermit', {}, 'open'],
    ['open.forced', {}, 'open'],
    ['degraded.level2', { health: { level: 2, recoverAt: T + 1000, cause: 'signal', why: 'test' } }, undefined],
    ['rateLimited.exhausted', {}, 'rate'],
    ['budgetLimited.blocked', {}, 'budget'],
    ['maintenance', {}, 'maintenance'],
  ])('in %s', (path, standing, refusal) => {
    const gate = gateFor(path, standing)
    expect(gate.peek(T)).toBe(refusal)
    expect(gate.ask(T)).toBe(refusal)
    expect(gate.plain).toBe(refusal === undefined)
    expect([gate.generation, gate.countsFrom, gate.path]).toEqual([4, 3, path])
  })

  it('lets all pass a bypassed breaker, whatever stands beneath', () => {
    expect(gateFor('closed.bypassed', { ...paced(0), ...directed(0) }).plain).toBe(true)
  })

  it.each([
    [1, 'fallback'],
    [2, undefined],
  ] as const)('at level %d, of levels that admit only fallbacks at the first: %s', (level, refusal) => {
    const levels: PolicyInput = { levels: [{ admit: 'fallback-only' }, {}, {}] }
    const gate = gateFor(`degraded.level${level}`, { health: { level, recoverAt: T + 1, cause: 'calls', why: '' } }, levels)
    expect(gate.level).toBe(level)
    expect(gate.ask(T)).toBe(refusal)
  })
})

describe('a share', () => {
  it('is kept to within one call, in every stretch of calls', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.01, max: 0.99, noNaN: true }),
        fc.nat(200),
        fc.integer({ min: 1, max: 200 }),
        (share, skip, n) => {
          const gate = gateFor('budgetLimited.throttled', throttled(share))
          pass(gate, skip)
          const passed = pass(gate, n)
          expect(Math.abs(passed - n * share)).toBeLessThanOrEqual(2)
        },
      ),
    )
  })

  it('lets the first call pass at once', () => {
    expect(gateFor('budgetLimited.throttled', throttled(0.01)).ask(T)).toBeUndefined()
  })

  it('of nothing lets nothing pass, not even the first call', () => {
    expect(pass(gateFor('budgetLimited.throttled', throttled(0)), 50)).toBe(0)
    expect(pass(gateFor('degraded.level1', directed(0)), 50)).toBe(0)
  })

  it.each([
    ['the budget where it is the tighter', throttled(0.2), directed(0.8), 'budget'],
    ['the directive where that is the tighter', throttled(0.8), directed(0.2), 'shed'],
  ] as const)('is refused in the name of %s', (_, budget, directive, refusal) => {
    const gate = gateFor('budgetLimited.throttled', { ...budget, ...directive })
    expect(pass(gate, 100)).toBeGreaterThanOrEqual(20)
    expect(gate.ask(T)).toBe(refusal)
  })

  it('of a directive that has expired is all', () => {
    const gate = new Gate()
    gate.project(context('degraded.level1', directed(0.1)), T + 60_000)
    expect(gate.plain).toBe(true)
  })
})

describe('a ramp', () => {
  const ramping: Spell = { in: 'closed.ramping', since: T, until: T + 10_000 }
  const gateAt = (initial = 0.25) => gateFor(ramping, {}, { rampInitialShare: initial })

  it('grows from its first share to all', () => {
    const gate = gateAt()
    const passed = Array.from({ length: 10 }, (_, second) => pass(gate, 100, 1000, T + second * 1000))
    expect(passed[0]).toBeGreaterThanOrEqual(25)
    expect(passed[0]).toBeLessThanOrEqual(33)
    for (let i = 1; i < 10; i++) expect(passed[i]).toBeGreaterThan(passed[i - 1] ?? 0)
    expect(passed[9]).toBeGreaterThan(93)
    expect(pass(gate, 100, 0, T + 10_000)).toBe(100)
    expect(pass(gate, 100, 0, T + 99_000)).toBe(100)
  })

  it('starts with its first share even where a clock is behind', () => {
    expect(pass(gateAt(0.5), 100, 0, T - 5000)).toBeLessThanOrEqual(51)
  })

  it('sheds, and says so', () => {
    const gate = gateAt()
    pass(gate, 1)
    expect(gate.ask(T)).toBe('shed')
  })
})

describe('a pace', () => {
  it('starts with an empty bucket, and lets the next pass when it says it will', () => {
    const gate = gateFor('rateLimited.paced', paced(4))
    expect(gate.ask(T)).toBe('rate')
    expect(gate.nextTokenIn(T)).toBe(250)
    expect(gate.ask(T + 249)).toBe('rate')
    expect(gate.ask(T + 250)).toBeUndefined()
    expect(gate.ask(T + 250)).toBe('rate')
  })

  it('lets as many pass as the rate says, and no burst larger than a second of it', () => {
    const gate = gateFor('rateLimited.paced', paced(10))
    const passed = pass(gate, 1000, 10_000)
    expect(passed).toBeGreaterThanOrEqual(99)
    expect(passed).toBeLessThanOrEqual(100)
    expect(pass(gate, 100, 0, T + 30_000)).toBe(10)
  })

  it('slower than one a second still lets one pass', () => {
    const gate = gateFor('rateLimited.paced', paced(0.1))
    expect(pass(gate, 600, 60_000)).toBe(6)
  })

  it('does not starve a caller because its rate is told anew with every call', () => {
    const gate = new Gate()
    let passed = 0
    for (let i = 0; i < 200; i++) {
      const at = T + i * 50
      gate.project(context('rateLimited.paced', paced(5 + (i % 3))), at)
      if (gate.ask(at) === undefined) passed++
    }
    expect(passed).toBeGreaterThanOrEqual(50)
    expect(passed).toBeLessThanOrEqual(70)
  })

  it('of nothing lets nothing pass, and says when it ends, though the timer that ends it be late', () => {
    const gate = gateFor('rateLimited.paced', paced(0))
    expect(pass(gate, 10, 50_000)).toBe(0)
    expect(gate.nextTokenIn(T + 10_000)).toBe(50_000)
    expect(gate.nextTokenIn(T + 60_500)).toBe(0)
  })

  it('is kept beneath the share of a budget, too', () => {
    const gate = gateFor('budgetLimited.throttled', { ...throttled(0.9), ...paced(1) })
    expect(pass(gate, 1000, 10_000)).toBe(10)
    expect(gate.peek(T + 10_001)).toBe('rate')
  })

  it('is nothing beneath a budget while the quota is gone, and says until when', () => {
    const gone: Standing = { quota: { until: T + 5000, why: 'test' } }
    const gate = gateFor('budgetLimited.throttled', { ...throttled(0.9), ...gone })
    expect([gate.plain, gate.ask(T), gate.nextTokenIn(T + 1000)]).toEqual([false, 'rate', 4000])
    expect(pass(gate, 10, 4999)).toBe(0)
    expect(gate.ask(T + 5000)).toBeUndefined()
  })

  it('is no longer kept when the limit is over', () => {
    const gate = gateFor('rateLimited.paced', paced(1))
    gate.project(context('closed.watching'), T + 5)
    expect([gate.plain, gate.nextTokenIn(T + 5)]).toEqual([true, undefined])
    gate.project(context('rateLimited.paced', paced(1, T + 99_000)), T + 60_000)
    expect(gate.ask(T + 60_000)).toBe('rate')
  })

  it('goes on after a restart with what its bucket held', () => {
    const gate = gateFor('rateLimited.paced', paced(4))
    pass(gate, 1, 0, T + 100)
    const other = gateFor('rateLimited.paced', paced(4))
    other.restore(JSON.parse(JSON.stringify(gate.save())))
    expect(other.save()).toEqual(gate.save())
    expect(other.nextTokenIn(T + 200)).toBe(50)
  })
})

describe('half-open', () => {
  it('has as many places as the policy says', () => {
    const gate = gateFor(halfOpen(0), {}, { maxProbes: 3, adaptiveRecovery: false })
    expect([1, 2, 3, 4].map(() => gate.ask(T))).toEqual([undefined, undefined, undefined, 'probes'])
  })

  it('counts the places taken before', () => {
    const gate = gateFor(halfOpen(2), {}, { maxProbes: 3, adaptiveRecovery: false })
    expect(pass(gate, 10)).toBe(1)
  })

  it('has none where the policy was made narrower meanwhile', () => {
    expect(gateFor(halfOpen(3), {}, { maxProbes: 1 }).ask(T)).toBe('probes')
  })
})

describe('an exemption', () => {
  it.each<[string, StatePath, Standing, Exemption, Refusal | undefined]>([
    ['a health probe in maintenance', 'maintenance', {}, 'health_probe', undefined],
    ['a health probe into a budget', 'budgetLimited.blocked', throttled(0, true), 'health_probe', 'budget'],
    ['an emergency in maintenance', 'maintenance', {}, 'emergency_override', 'maintenance'],
    ['an emergency where the rule allows it', 'budgetLimited.blocked', throttled(0, true), 'emergency_override', undefined],
    ['an emergency where the rule does not', 'budgetLimited.blocked', throttled(0), 'emergency_override', 'budget'],
    ['an emergency while open', 'open.cooling', throttled(0, true), 'emergency_override', 'open'],
  ])('%s', (_, path, standing, exemption, refusal) => {
    const gate = gateFor(path, standing)
    expect(gate.peek(T, exemption)).toBe(refusal)
    expect(gate.ask(T, exemption)).toBe(refusal)
  })

  it('uses nothing of the share up', () => {
    const gate = gateFor('budgetLimited.throttled', throttled(0.5, true))
    const before = gate.save()
    expect(pass(gate, 0)).toBe(0)
    for (let i = 0; i < 10; i++) gate.ask(T, 'emergency_override')
    expect(gate.save()).toEqual(before)
  })
})

describe('peeking', () => {
  const gates: readonly [string, () => Gate][] = [
    ['closed', () => gateFor('closed.watching')],
    ['throttled', () => gateFor('budgetLimited.throttled', throttled(0.3))],
    ['paced', () => gateFor('rateLimited.paced', paced(3))],
    ['throttled and paced', () => gateFor('budgetLimited.throttled', { ...throttled(0.5), ...paced(3) })],
    ['ramping', () => gateFor({ in: 'closed.ramping', since: T, until: T + 5000 })],
    ['half-open', () => gateFor(halfOpen(0))],
    ['open', () => gateFor('open.cooling')],
  ]
  it.each(gates)('says what asking would say, and uses nothing up: %s', (_, make) => {
    fc.assert(
      fc.property(fc.array(fc.nat(700), { maxLength: 40 }), (waits) => {
        const gate = make()
        let at = T
        for (const wait of waits) {
          at += wait
          const before = gate.save()
          const said = [gate.peek(at), gate.peek(at)]
          expect(gate.save()).toEqual(before)
          expect(said).toEqual([said[0], said[0]])
          expect(gate.ask(at)).toBe(said[0])
        }
      }),
    )
  })
})
