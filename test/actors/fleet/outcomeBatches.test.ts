// Outcomes that come together make of the fleet what they make of it one by one.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { FleetLeader } from '../../../src/actors/fleet/fleetLeader.ts'
import type { FleetLink } from '../../../src/bus/fleetLink.ts'
import { parseConfig } from '../../../src/model/config.ts'
import type { OutcomeMessage, WireMessage } from '../../../src/model/fleet/wire.ts'
import type { GearEvent } from '../../../src/model/records.ts'
import { profileFor } from '../../../src/services/profiles.ts'
import { MemoryFleet } from '../../fleet/memoryFleet.ts'

type Outcome = Pick<OutcomeMessage, 'result' | 'latency'> & Partial<OutcomeMessage>

/** What happens to the fleet: a node tells of calls or of its breaker, or time passes. */
type Step =
  | { readonly of: 'outcomes'; readonly node: string; readonly service: string; readonly outcomes: readonly Outcome[] }
  | {
      readonly of: 'transition'
      readonly node: string
      readonly service: string
      readonly to: 'open.cooling' | 'closed.watching'
    }
  | { readonly of: 'time'; readonly ms: number }

const node = fc.constantFrom('a', 'b', 'c')
const service = fc.constantFrom('search', 'cache', 'unheard', '*')
const latency = fc.constantFrom(0.5, 20, 40_000)
const outcome: fc.Arbitrary<Outcome> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ result: fc.constantFrom('success' as const), latency }) },
  {
    weight: 4,
    arbitrary: fc.record(
      {
        result: fc.constant('failure' as const),
        latency,
        failure: fc.constantFrom('timeout' as const, 'service_unavailable' as const, 'quality_degradation' as const),
        retryAfterMs: fc.constantFrom(100, 5000),
        status: fc.constant(503),
      },
      { requiredKeys: ['result', 'latency'] },
    ),
  },
  fc.record({ result: fc.constantFrom('ignored' as const, 'rejected' as const), latency }),
  fc.record(
    {
      result: fc.constantFrom('success' as const, 'failure' as const),
      latency,
      count: fc.integer({ min: 1, max: 40 }),
      slow: fc.integer({ min: 0, max: 3 }),
      probe: fc.constant(true as const),
    },
    { requiredKeys: ['result', 'latency'] },
  ),
)
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      of: fc.constant('outcomes' as const),
      node,
      service,
      outcomes: fc.array(outcome, { minLength: 1, maxLength: 40 }),
    }),
  },
  fc.record({
    of: fc.constant('transition' as const),
    node,
    service,
    to: fc.constantFrom('open.cooling' as const, 'closed.watching' as const),
  }),
  fc.record({ of: fc.constant('time' as const), ms: fc.constantFrom(0.4, 700, 1500, 31_000) }),
)

test('outcomes that come together make of the fleet what they make of it one by one', () => {
  const paths = new Set<string>()
  fc.assert(
    fc.property(fc.array(step, { minLength: 5, maxLength: 40 }), (steps) => {
      const [one, together] = [run(steps, false), run(steps, true)]
      expect(together).toEqual(one)
      for (const record of one.records) if (record.type === 'transition') paths.add(record.to)
    }),
    // Enough of them to get about; which they are is the same each time.
    { numRuns: 25, seed: 5 },
  )
  // It got somewhere.
  expect([...paths]).toEqual(expect.arrayContaining(['open.cooling', 'halfOpen', 'closed.watching', 'degraded.level1']))
})

function run(steps: readonly Step[], together: boolean) {
  const fleet = new MemoryFleet()
  const { clock } = fleet
  const link: FleetLink = fleet.join('leader')
  const subscribe = link.subscribe.bind(link)
  const hears = new Map<string, (message: WireMessage) => void>()
  let many: ((outcomes: readonly OutcomeMessage[]) => void) | undefined
  link.subscribe = (type, listener) => {
    hears.set(type, listener)
    return subscribe(type, listener)
  }
  if (together)
    link.hearOutcomes = (listener) => {
      many = listener
      return () => undefined
    }
  const records: GearEvent[] = []
  const { services, orchestrator } = parseConfig({ services: { search: { kind: 'http' }, cache: { kind: 'cache' } } })
  const leader = new FleetLeader({
    link,
    clock,
    services,
    orchestrator,
    profileFor: (kind) => profileFor(kind),
    seed: 1,
    software: 'test',
    epoch: 1,
    mayAct: () => true,
    journal: { open: async () => undefined, append: (record) => void records.push(record) },
  })
  for (const step of steps) {
    if (step.of === 'time') clock.advance(step.ms)
    else if (step.of === 'transition') {
      const { node, service, to } = step
      const from = to === 'open.cooling' ? 'closed.watching' : 'halfOpen'
      hears.get('transition')?.({
        v: 1,
        type: 'transition',
        at: Math.floor(clock.now()),
        node,
        service,
        from,
        to,
        generation: 1,
        reason: 'r',
      })
    } else {
      const { node, service } = step
      const outcomes = step.outcomes.map((each): OutcomeMessage => ({ v: 1, type: 'outcome', at: 1, node, service, ...each }))
      if (many) many(outcomes)
      else for (const each of outcomes) hears.get('outcome')?.(each)
    }
  }
  clock.advance(1000)
  const header = leader.fleet.board.header('rotation')
  const directives = [...fleet.stored('directives')]
  leader.stop()
  return { records, header, directives }
}
