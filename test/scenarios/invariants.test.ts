// What holds of every board, whatever its dependencies and rules, and whatever happens on it: nothing stays degraded without a
// standing cause, directives come to rest when inputs do, recoveries keep to their number and their order, and all of it replays.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MemoryJournal } from '../../src/bus/memoryJournal.ts'
import type { ServiceInput } from '../../src/model/config.ts'
import { CallRejectedError } from '../../src/model/errors.ts'
import type { GearEvent } from '../../src/model/records.ts'
import type { StatePath } from '../../src/model/states.ts'
import { createSwitchgear, type Switchgear } from '../../src/switchgear.ts'
import { VirtualClock } from '../../src/testing/index.ts'
import { replayed } from '../actors/testBoard.ts'

const NAMES = ['s0', 's1', 's2', 's3', 's4', 's5'] as const
type Name = (typeof NAMES)[number]
const MOST = 2

const BASE = {
  kind: 'http',
  trip: { consecutiveFailures: 2, failureRate: false, slowCallRate: false },
  degrade: false,
  recoveryTimeout: 3000,
  recoveryMultiplier: 1,
  maxProbes: 1,
  successesToClose: 1,
  permitTimeout: 1000,
  window: { type: 'time', seconds: 10 },
} as const satisfies ServiceInput

type Step =
  | { readonly do: 'turn'; readonly on: readonly Name[]; readonly well: boolean }
  | { readonly do: 'pass'; readonly seconds: number }
  | { readonly do: 'trip' | 'reset' | 'maintain' | 'end'; readonly on: Name }
  | { readonly do: 'tripAll' | 'recoverAll' }
  | { readonly do: 'direct'; readonly on: Name; readonly level: 0 | 1 | 2; readonly hold: boolean; readonly ms: number }

const name = fc.constantFrom(...NAMES)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('turn' as const), on: fc.subarray([...NAMES]), well: fc.boolean() }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('pass' as const), seconds: fc.integer({ min: 1, max: 12 }) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom('trip' as const, 'reset' as const, 'maintain' as const, 'end' as const),
      on: name,
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('tripAll' as const, 'recoverAll' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('direct' as const),
      on: name,
      level: fc.constantFrom(0 as const, 1 as const, 2 as const),
      hold: fc.boolean(),
      ms: fc.integer({ min: 500, max: 20_000 }),
    }),
  },
)
/** Of every service, which of those before it it depends on: no cycle can come of it. */
const edges = fc.tuple(...NAMES.map((_, i) => fc.subarray(NAMES.slice(0, i), { maxLength: Math.min(2, i) })))
const rule = fc.option(
  fc.record({
    when: fc.constantFrom(
      { failingServices: 1 },
      { openShare: 0.5 },
      { healthBelow: 0.7 },
      { system: 'critical' as const },
      { down: 's0' },
    ),
    then: fc.constantFrom(
      { degradeOthersBy: 1 as const },
      { degradeTo: 2 as const },
      { admit: 0.5 },
      { hold: true, services: ['s5'] },
    ),
    hold: fc.integer({ min: 0, max: 5000 }),
    clear: fc.integer({ min: 0, max: 5000 }),
  }),
  { nil: undefined },
)
const run = fc.record({
  seed: fc.integer(),
  edges,
  rule,
  critical: fc.subarray([...NAMES]),
  ramp: fc.constantFrom(0, 2000),
  steps: fc.array(step, { minLength: 5, maxLength: 30 }),
})
type Run = typeof run extends fc.Arbitrary<infer R> ? R : never

interface Played {
  readonly gear: Switchgear<Record<Name, ServiceInput>>
  readonly clock: VirtualClock
  readonly journal: MemoryJournal
  readonly events: readonly GearEvent[]
  traffic(seconds: number): void
  allWell(): void
}

async function play({ seed, edges, rule, critical, ramp, steps }: Run): Promise<Played> {
  const clock = new VirtualClock(0)
  const journal = new MemoryJournal()
  const services = Object.fromEntries(
    NAMES.map((service, i) => [
      service,
      { ...BASE, dependsOn: edges[i] ?? [], critical: critical.includes(service), rampDuration: ramp },
    ]),
  ) as unknown as Record<Name, ServiceInput>
  const gear = await createSwitchgear<Record<Name, ServiceInput>>({
    services,
    seed,
    clock,
    journal,
    orchestrator: {
      maxConcurrentRecoveries: MOST,
      recoveryLease: 4000,
      ...(rule && { ownRules: [{ name: 'mine', ...rule }] }),
    },
  })
  const events: GearEvent[] = []
  gear.events$.subscribe((event) => events.push(event))
  const sick = new Set<Name>()
  const call = (service: Name): void => {
    try {
      const permit = gear.admit(service)
      if (sick.has(service)) permit.fail(new Error('down'))
      else permit.succeed()
    } catch (error) {
      if (!(error instanceof CallRejectedError)) throw error
    }
  }
  const traffic = (seconds: number): void => {
    for (let tick = 0; tick < seconds * 2; tick++) {
      clock.advance(500)
      for (const service of NAMES) call(service)
    }
  }
  const who = { by: 'ann', why: 'a drill' }
  let epoch = 0
  for (const step of steps) {
    switch (step.do) {
      case 'turn':
        for (const service of step.on) {
          if (step.well) sick.delete(service)
          else sick.add(service)
        }
        break
      case 'pass':
        traffic(step.seconds)
        break
      case 'trip':
      case 'reset':
        gear.command(step.on, { name: step.do, ...who })
        break
      case 'maintain':
        gear.command(step.on, { name: 'beginMaintenance', ...who, until: clock.now() + 5000 })
        break
      case 'end':
        gear.command(step.on, { name: 'endMaintenance', ...who })
        break
      case 'direct':
        epoch = Math.max(epoch, gear.system.epoch) + 1
        gear.direct(step.on, {
          epoch,
          level: step.level,
          hold: step.hold,
          expiresAt: clock.now() + step.ms,
          rule: 'ours',
          reason: 'a drill',
        })
        break
      default:
        gear.command({ name: step.do, ...who })
    }
  }
  return { gear, clock, journal, events, traffic, allWell: () => sick.clear() }
}

/** A few each time, with other seeds; `RUNS=1000` for a thorough look. */
const numRuns = Number(process.env.RUNS ?? 20)

describe('whatever happens on a board', { timeout: Math.max(30_000, numRuns * 500) }, () => {
  it('nothing stays degraded without a standing cause, and directives come to rest when inputs do', async () => {
    await fc.assert(
      fc.asyncProperty(run, async (run) => {
        const { gear, events, traffic, allWell } = await play(run)
        allWell()
        // What operators have tripped is theirs to let go.
        gear.command({ name: 'endMaintenance', by: 'ann', why: 'over' })
        gear.command({ name: 'recoverAll', by: 'ann', why: 'over' })
        traffic(90)
        expect(gear.system).toMatchObject({ state: 'healthy', rules: [], directives: {}, roots: {}, waiting: [], recovering: [] })
        expect(NAMES.map((service) => gear.services[service].path)).toEqual(NAMES.map(() => 'closed.watching'))
        const rested = events.length
        traffic(60)
        expect(events.slice(rested).filter(({ type }) => type === 'directive' || type === 'system' || type === 'review')).toEqual(
          [],
        )
        await gear.close()
      }),
      { numRuns },
    )
  })

  it('a dead service is a standing cause: what it calls for stays, and nothing else moves', async () => {
    await fc.assert(
      fc.asyncProperty(run, async (run) => {
        const { gear, traffic, allWell } = await play(run)
        allWell()
        gear.command({ name: 'endMaintenance', by: 'ann', why: 'over' })
        gear.command({ name: 'recoverAll', by: 'ann', why: 'over' })
        traffic(90)
        gear.command('s0', { name: 'trip', by: 'ann', why: 'dead' })
        traffic(70)
        for (const [i, service] of NAMES.entries()) {
          const dependsOn = (name: Name): boolean =>
            (run.edges[NAMES.indexOf(name)] ?? []).some((other) => other === 's0' || dependsOn(other))
          const level = gear.system.directives[service]?.level ?? 0
          if (i > 0 && dependsOn(service)) expect(level).toBeGreaterThanOrEqual(1)
          else if (run.rule === undefined) expect(level).toBe(0)
        }
        await gear.close()
      }),
      { numRuns },
    )
  })

  it('recoveries keep to their number, and no dependent is probed before its dependencies are back', async () => {
    await fc.assert(
      fc.asyncProperty(run, async (run) => {
        const { gear, events } = await play(run)
        const paths = new Map<string, StatePath>()
        const probing = new Map<string, number>()
        for (const event of events) {
          if (event.type !== 'transition') continue
          const { service, from, to, at } = event
          paths.set(service, to)
          probing.delete(service)
          if (to !== 'halfOpen' || from !== 'open.awaitingPermit') continue
          probing.set(service, at)
          // Traffic never stops, so that nobody's lease runs out.
          expect(probing.size).toBeLessThanOrEqual(MOST)
          const beneath = run.edges[NAMES.indexOf(service as Name)] ?? []
          for (const dependency of beneath)
            expect(paths.get(dependency) ?? 'closed').toMatch(/^(closed|degraded|rateLimited|budgetLimited)/)
        }
        await gear.close()
      }),
      { numRuns },
    )
  })

  it('its journal replays without a difference', async () => {
    await fc.assert(
      fc.asyncProperty(run, async (run) => {
        const { gear, journal } = await play(run)
        await gear.close()
        const { first, differences } = replayed(journal.records)
        expect(first).toBeUndefined()
        expect(differences).toBe(0)
      }),
      { numRuns },
    )
  })
})
