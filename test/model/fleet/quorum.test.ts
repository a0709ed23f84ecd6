// When the fleet believes its nodes: the edges of the arithmetic.
import { describe, expect, it } from 'vitest'
import { nodeOutlier } from '../../../src/analysis/nodeOutlier.ts'
import { asksTheSame, type DesiredEntry, desiredEntry, isNeutral, settling } from '../../../src/model/fleet/desiredEntries.ts'
import { fleetPolicy } from '../../../src/model/fleet/fleetPolicy.ts'
import { type Candidate, chooseProber } from '../../../src/model/fleet/prober.ts'
import { isCorroborated, isFailing, meetsQuorum, quorumSize } from '../../../src/model/fleet/quorum.ts'
import { resolvePolicy } from '../../../src/model/policy.ts'
import type { StatePath } from '../../../src/model/states.ts'

describe('a quorum', () => {
  it.each([
    [0, 0.5, 2],
    [1, 0.5, 2],
    [2, 0.5, 2],
    [4, 0.5, 2],
    [5, 0.5, 3],
    [6, 0.5, 3],
    [30, 0.1, 3],
    [31, 0.1, 4],
    [100, 1, 100],
    [3, 0, 2],
  ])('of %i nodes at a share of %d is %i', (active, share, size) => {
    expect(quorumSize(active, share)).toBe(size)
    expect(meetsQuorum(size - 1, active, share)).toBe(false)
    expect(meetsQuorum(size, active, share)).toBe(true)
  })

  it.each([
    [{ calls: 2, failures: 2 }, false],
    [{ calls: 3, failures: 3 }, true],
    [{ calls: 6, failures: 3 }, true],
    [{ calls: 7, failures: 3 }, false],
    [{ calls: 0, failures: 0 }, false],
  ])('counts a node with %o as failing: %s', (counted, failing) => {
    expect(isFailing(counted, 0.5)).toBe(failing)
  })

  it('takes the word of a node that is alone, and of others only together', () => {
    expect(isCorroborated(1, 0, 0.5)).toBe(true)
    expect(isCorroborated(2, 1, 0.5)).toBe(false)
    expect(isCorroborated(2, 2, 0.5)).toBe(true)
    expect(isCorroborated(10, 4, 0.5)).toBe(false)
    expect(isCorroborated(10, 5, 0.5)).toBe(true)
  })
})

describe('an outlier', () => {
  const calm = { calls: 1000, failures: 2 }
  it('is a node that fails where the others do not', () => {
    const verdict = nodeOutlier({ calls: 20, failures: 15, isOpen: false }, calm, 0.5, 10)!
    expect(verdict.chance).toBeLessThan(1e-9)
    expect(verdict.strength).toBeCloseTo(0.75 - 0.002, 6)
  })

  it('is one whose own breaker has opened, though most of its calls were good before', () => {
    expect(nodeOutlier({ calls: 300, failures: 5, isOpen: false }, calm, 0.5, 10)).toBeUndefined()
    expect(nodeOutlier({ calls: 300, failures: 5, isOpen: true }, { calls: 1000, failures: 0 }, 0.5, 10)!.strength).toBeCloseTo(
      1,
      2,
    )
  })

  it.each([
    ['has failed too little', { calls: 4, failures: 4, isOpen: false }, calm],
    ['is open, and has failed too little', { calls: 4, failures: 2, isOpen: true }, calm],
    ['has others who say nothing', { calls: 20, failures: 15, isOpen: false }, { calls: 19, failures: 0 }],
    ['fails as others do', { calls: 20, failures: 15, isOpen: false }, { calls: 1000, failures: 300 }],
    ['fails seldom', { calls: 20, failures: 9, isOpen: false }, calm],
    ['may be unlucky', { calls: 5000, failures: 5, isOpen: true }, { calls: 5000, failures: 1 }],
  ])('is none that %s', (_, node, others) => {
    expect(nodeOutlier(node, others, 0.5, 10)).toBeUndefined()
  })
})

describe('the fleet’s policy', () => {
  const policy = resolvePolicy('http')
  it('leaves out what goes by the order of calls, unless one node alone calls', () => {
    expect(fleetPolicy(policy, false).trip).toMatchObject({
      consecutiveFailures: false,
      consecutiveTimeouts: false,
      stalledCalls: false,
    })
    expect(fleetPolicy(policy, true).trip).toMatchObject({ consecutiveFailures: 5, consecutiveTimeouts: 3, stalledCalls: false })
    expect(fleetPolicy(policy, false).trip.failureRate).toEqual(policy.trip.failureRate)
    expect(fleetPolicy(resolvePolicy('http', { degrade: false }), false).degrade).toBe(false)
  })
})

describe('the probing node', () => {
  const candidate = (node: string, path: StatePath, more: Partial<Candidate> = {}): Candidate => {
    return { node, path, calls: 1, live: true, asks: true, chosenAt: undefined, ...more }
  }
  const chosen = (candidates: Candidate[], current?: string, isOver = false): string | undefined =>
    chooseProber(candidates, current, isOver)

  it('is the one that is ready and has most calls; of equals the first by name', () => {
    const [b, c] = [candidate('b', 'halfOpen', { calls: 5 }), candidate('c', 'open.cooling', { calls: 9 })]
    expect(chosen([b, candidate('a', 'open.awaitingPermit', { calls: 5 }), c])).toBe('a')
    expect(chosen([candidate('b', 'halfOpen', { calls: 6 }), candidate('a', 'open.awaitingPermit', { calls: 5 })])).toBe('b')
    expect(
      chosen([candidate('a', 'open.cooling'), candidate('b', 'closed.watching'), candidate('c', 'open.forced')]),
    ).toBeUndefined()
  })

  it('stays, also while it cools after a probe that failed', () => {
    expect(chosen([candidate('a', 'halfOpen', { calls: 9 }), candidate('b', 'halfOpen')], 'b')).toBe('b')
    expect(chosen([candidate('a', 'halfOpen', { calls: 9 }), candidate('b', 'open.cooling')], 'b')).toBe('b')
  })

  it.each([
    ['has had its time', candidate('b', 'halfOpen'), true],
    ['is gone', candidate('b', 'halfOpen', { live: false }), false],
    ['is back', candidate('b', 'closed.watching'), false],
  ])('is another when it %s', (_, mine, isOver) => {
    expect(chosen([candidate('a', 'halfOpen'), mine], 'b', isOver)).toBe('a')
  })

  it('goes on when its time is over and nobody else can, or would have calls to probe with', () => {
    expect(chosen([candidate('b', 'open.awaitingPermit')], 'b', true)).toBe('b')
    expect(chosen([], 'b')).toBeUndefined()
    const idle = candidate('a', 'halfOpen', { asks: false })
    expect(chosen([idle, candidate('b', 'halfOpen')], 'b', true)).toBe('b')
    expect(chosen([idle, candidate('b', 'halfOpen', { asks: false })], 'b', true)).toBe('a')
  })

  it('is before all one that has calls to make, then one whose last turn was the longest ago', () => {
    const [a, b] = [candidate('a', 'halfOpen', { chosenAt: 7 }), candidate('b', 'halfOpen', { chosenAt: 5 })]
    const idle = candidate('c', 'halfOpen', { asks: false })
    expect(chosen([a, b, idle])).toBe('b')
    expect(chosen([b, a, idle])).toBe('b')
    expect(chosen([idle, a])).toBe('a')
    expect(chosen([a, b, candidate('d', 'halfOpen')])).toBe('d')
  })
})

describe('the desired entry', () => {
  const stand = { service: 's', path: 'closed.watching', cause: 'created', open: 0 } as const
  const directive = { epoch: 1, level: 1, admissionRatio: 0.5, hold: false, expiresAt: 99, rule: 'r', reason: 'because' } as const
  const trip = { id: 't', why: 'failure_rate', nodes: 4, open: 1, calls: 50, failures: 30 } as const

  it('is nothing where nothing is the matter', () => {
    expect(isNeutral(desiredEntry(stand, 0))).toBe(true)
    expect(isNeutral(desiredEntry({ ...stand, path: 'closed.ramping', open: 1 }, 0))).toBe(true)
  })

  it.each<[string, Parameters<typeof desiredEntry>[0], Partial<DesiredEntry>]>([
    [
      'open',
      { ...stand, path: 'open.cooling', trip, until: 1500 },
      {
        state: 'open',
        hold: true,
        trip,
        retryAfterMs: 500,
        rule: 'fleet_failure_rate',
        reason: '30 of 50 calls of all nodes failed',
      },
    ],
    [
      'open by quorum',
      { ...stand, path: 'open.awaitingPermit', trip: { ...trip, why: 'quorum' } },
      { state: 'open', rule: 'fleet_quorum', reason: 'open on 1 of 4 nodes' },
    ],
    ['half-open', { ...stand, path: 'halfOpen', trip, probe: 'n' }, { state: 'halfOpen', hold: true, probe: 'n' }],
    [
      'in maintenance',
      { ...stand, path: 'maintenance', cause: 'ann: work' },
      { state: 'maintenance', hold: true, admissionRatio: 0, rule: 'command.beginMaintenance', reason: 'ann: work' },
    ],
    [
      'disabled',
      { ...stand, path: 'closed.bypassed', cause: 'ann: no', open: 3 },
      { state: 'closed', hold: false, rule: 'command.disable' },
    ],
    [
      'directed',
      { ...stand, path: 'degraded.level1', directive },
      { state: 'degraded', level: 1, admissionRatio: 0.5, rule: 'r', reason: 'because' },
    ],
    [
      'degraded of itself',
      { ...stand, path: 'degraded.level2', cause: 'failure_rate' },
      { state: 'degraded', level: 2, rule: 'failure_rate' },
    ],
    [
      'limited',
      { ...stand, path: 'rateLimited.exhausted', cause: 'quota_exceeded', until: 700 },
      { state: 'rateLimited', hold: false, retryAfterMs: 0, rule: 'quota_exceeded' },
    ],
    ['open on two nodes', { ...stand, open: 2, probe: 'n' }, { state: 'closed', hold: true, probe: 'n', rule: 'one_probe' }],
  ])('of a service that is %s', (_, given, entry) => {
    const desired = desiredEntry(given, 1000)
    expect(desired).toMatchObject(entry)
    expect(isNeutral(desired)).toBe(false)
  })

  it('names nobody to probe while it cools', () => {
    expect(desiredEntry({ ...stand, path: 'open.cooling', trip, probe: 'n' }, 0)).not.toHaveProperty('probe')
  })

  it('is the same whatever time is left and whatever the numbers of its trip', () => {
    const one = desiredEntry({ ...stand, path: 'open.cooling', trip, until: 5000 }, 0)
    expect(asksTheSame(one, { ...one, retryAfterMs: 1, reason: 'other', trip: { ...trip, open: 3 } })).toBe(true)
    for (const change of [
      { hold: false },
      { probe: 'n' },
      { level: 1 },
      { admissionRatio: 0.5 },
      { state: 'closed' },
      { rule: 'x' },
      { trip: { ...trip, id: 'u' } },
    ] as Partial<DesiredEntry>[]) {
      expect(asksTheSame(one, { ...one, ...change })).toBe(false)
    }
  })

  it('is the graver of a new leader’s own and what it found, until it has settled', () => {
    const own = desiredEntry(stand, 0)
    const found = desiredEntry({ ...stand, path: 'degraded.level2', directive }, 0)
    expect(settling(own, found)).toMatchObject({ state: 'degraded', level: 2, admissionRatio: 0.5, rule: 'r' })
    const open = desiredEntry({ ...stand, path: 'open.cooling', trip }, 0)
    expect(settling(open, { ...found, probe: 'n' })).toMatchObject({
      state: 'open',
      level: 2,
      hold: true,
      probe: 'n',
      rule: 'fleet_failure_rate',
    })
  })
})
