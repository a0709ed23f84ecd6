// Any board with any rules and dependencies, on which anything happens: what the invariants are held against. Every run is drawn
// by fast-check and played in virtual time.
import fc from 'fast-check'
import { expect } from 'vitest'
import { MemoryJournal } from '../../src/bus/memoryJournal.ts'
import type { ServiceInput } from '../../src/model/config.ts'
import { CallRejectedError } from '../../src/model/errors.ts'
import type { GearEvent } from '../../src/model/records.ts'
import type { OrchestratorRule } from '../../src/orchestratorRules.ts'
import { Replayer } from '../../src/replay/replayer.ts'
import { createSwitchgear, type Switchgear } from '../../src/switchgear.ts'
import { VirtualClock } from '../../src/testing/index.ts'

export const NAMES = ['s0', 's1', 's2', 's3', 's4', 's5'] as const
export type Name = (typeof NAMES)[number]
/** So many may recover at once. */
export const MOST = 2
/** ms */
export const LEASE = 4000

const WHO = { by: 'ann', why: 'a drill' }

const BASE = {
  kind: 'http',
  trip: { consecutiveFailures: 2, failureRate: false, slowCallRate: false },
  degrade: false,
  recoveryTimeout: 3000,
  recoveryMultiplier: 1,
  maxProbes: 2,
  successesToClose: 2,
  permitTimeout: 1000,
  window: { type: 'time', seconds: 10 },
} as const satisfies ServiceInput

const NEVER_TRIPS = { consecutiveFailures: false, failureRate: false, slowCallRate: false, stalledCalls: false } as const

type Step =
  | { readonly do: 'turn'; readonly on: readonly Name[]; readonly well: boolean }
  | { readonly do: 'pass'; readonly seconds: number }
  | { readonly do: 'silence'; readonly on: readonly Name[] }
  | { readonly do: 'trip' | 'reset' | 'maintain' | 'end'; readonly on: Name }
  | { readonly do: 'tripAll' | 'recoverAll' }
  | { readonly do: 'direct'; readonly on: Name; readonly level: 0 | 1 | 2; readonly hold: boolean; readonly ms: number }

const name = fc.constantFrom(...NAMES)
const some = fc.oneof(fc.subarray([...NAMES]), fc.constant([...NAMES]))
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('turn' as const), on: some, well: fc.boolean() }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('pass' as const), seconds: fc.integer({ min: 1, max: 12 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('silence' as const), on: fc.subarray([...NAMES]) }) },
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
const edges = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(...NAMES.map((_, i) => fc.subarray(NAMES.slice(0, i), { maxLength: Math.min(2, i) }))) },
  { weight: 1, arbitrary: fc.constant(NAMES.map((_, i) => NAMES.slice(Math.max(0, i - 1), i))) },
)
const times = { hold: fc.integer({ min: 0, max: 5000 }), clear: fc.integer({ min: 0, max: 5000 }) }
const then = fc.constantFrom(
  { degradeOthersBy: 1 as const },
  { degradeTo: 2 as const },
  { admit: 0.5 },
  { hold: true, services: ['s5'] },
)
const when = fc.constantFrom(
  { failingServices: 1 },
  { openShare: 0.5 },
  { errorRate: 0.1 },
  { healthBelow: 0.7 },
  { system: 'critical' as const },
  { down: 's0' },
  { finding: 'common_cause' as const },
  { finding: 'system_wide' as const },
)
const rule = fc.option(
  // A rule that holds a service for as long as that service is failing is its user's mistake, and stands for ever.
  fc.record({ when, then, ...times }).filter(({ when, then }) => !('failingServices' in when && 'hold' in then)),
  { nil: undefined, freq: 2 },
)
/** A condition in code: the service that it goes by is not well. */
const codeRule = fc.option(fc.record({ of: name, then, ...times }), { nil: undefined, freq: 2 })

export const anyRun = fc.record({
  seed: fc.integer(),
  edges,
  rule,
  codeRule,
  critical: fc.subarray([...NAMES]),
  /** Those that fail without tripping: there can be an overload only where calls go on. */
  tough: fc.oneof(fc.constant<Name[]>([]), fc.subarray([...NAMES], { minLength: 2, maxLength: 4 })),
  ramp: fc.constantFrom(0, 2000),
  steps: fc.array(step, { minLength: 5, maxLength: 30 }),
})
export type Run = typeof anyRun extends fc.Arbitrary<infer R> ? R : never

export interface AnyBoard {
  readonly gear: Switchgear<Record<Name, ServiceInput>>
  readonly clock: VirtualClock
  readonly events: readonly GearEvent[]
  /** From now on such a service fails, or all is well. */
  readonly sick: Set<Name>
  /** Two calls a second to each. */
  traffic(seconds: number): void
  take(step: Step): void
  /** What operators have shut they open again, each by itself; no more is said of how the services are. */
  letGo(): void
  /** Replays the journal; to be called last. */
  replays(): Promise<void>
}

export async function anyBoard({ seed, edges, rule, codeRule, critical, tough, ramp }: Run): Promise<AnyBoard> {
  const clock = new VirtualClock(0)
  const journal = new MemoryJournal()
  const services = Object.fromEntries(
    NAMES.map((service, i) => [
      service,
      {
        ...BASE,
        ...(tough.includes(service) && { trip: NEVER_TRIPS }),
        dependsOn: edges[i] ?? [],
        critical: critical.includes(service),
        rampDuration: ramp,
      },
    ]),
  ) as unknown as Record<Name, ServiceInput>
  const sick = new Set<Name>()
  const inCode = codeRule && { name: 'in_code', when: () => sick.has(codeRule.of), ...withoutOf(codeRule) }
  const gear = await createSwitchgear<Record<Name, ServiceInput>>({
    services,
    seed,
    clock,
    journal,
    rules: inCode ? [inCode] : [],
    orchestrator: {
      maxConcurrentRecoveries: MOST,
      recoveryLease: LEASE,
      ...(rule && { ownRules: [{ name: 'mine', ...rule }] }),
    },
  })
  const events: GearEvent[] = []
  gear.events$.subscribe((event) => events.push(event))
  let silent: readonly Name[] = []
  let epoch = 0
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
      for (const service of NAMES) if (!silent.includes(service)) call(service)
    }
  }
  const take = (step: Step): void => {
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
      case 'silence':
        silent = step.on
        break
      case 'trip':
      case 'reset':
        gear.command(step.on, { name: step.do, ...WHO })
        break
      case 'maintain':
        gear.command(step.on, { name: 'beginMaintenance', ...WHO, until: clock.now() + 5000 })
        break
      case 'end':
        gear.command(step.on, { name: 'endMaintenance', ...WHO })
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
        gear.command({ name: step.do, ...WHO })
    }
  }
  return {
    gear,
    clock,
    events,
    sick,
    traffic,
    take,
    letGo() {
      silent = []
      for (const service of NAMES) {
        const { path } = gear.services[service]
        if (path === 'maintenance') gear.command(service, { name: 'endMaintenance', ...WHO })
        // Beneath a maintenance a trip may still stand.
        if (gear.services[service].path === 'open.forced') gear.command(service, { name: 'reset', ...WHO })
      }
    },
    async replays() {
      const replayer = new Replayer()
      for (const [index, record] of journal.records.entries()) replayer.take(JSON.parse(JSON.stringify(record)), index + 1)
      const { first, differences } = replayer.result()
      expect(first).toBeUndefined()
      expect(differences).toBe(0)
      const { roots, findings, epoch } = gear.system
      expect(replayer.savedOrchestrator()).toMatchObject({ roots, findings: findings.length > 0 ? findings : [], epoch })
      await gear.close()
    },
  }
}

function withoutOf<T extends { readonly of: Name }>({ of: _, ...rest }: T): Omit<T, 'of'> & Pick<OrchestratorRule, 'then'> {
  return rest as Omit<T, 'of'> & Pick<OrchestratorRule, 'then'>
}
