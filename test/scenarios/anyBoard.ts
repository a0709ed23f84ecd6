// Any board with any rules and dependencies, on which anything happens: what the invariants are held against. Plays in virtual time
// what anyRun.ts has drawn.
import { expect } from 'vitest'
import { MemoryJournal } from '../../src/bus/memoryJournal.ts'
import type { ServiceInput } from '../../src/model/config.ts'
import { CallRejectedError } from '../../src/model/errors.ts'
import type { GearEvent } from '../../src/model/records.ts'
import type { OrchestratorRule } from '../../src/orchestratorRules.ts'
import { Replayer } from '../../src/replay/replayer.ts'
import { createSwitchgear, type Switchgear } from '../../src/switchgear.ts'
import { VirtualClock } from '../../src/testing/index.ts'
import { NAMES, type Name, type Run, type Step } from './anyRun.ts'

/** So many may recover at once. */
export const MOST = 2
/** ms */
const LEASE = 4000

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
      case 'disable':
      case 'enable':
        gear.command(step.on, { name: step.do, ...WHO })
        break
      case 'signal':
        gear.signal(step.on, step.signal(clock.now() + step.ms))
        break
      case 'reconfigure':
        gear.reconfigure(step.on, step.change)
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
      default: {
        const until = step.do === 'beginMaintenance' ? { until: clock.now() + 7000 } : undefined
        gear.command({ name: step.do, ...WHO, ...until, ...(step.on && { services: [...step.on] }) })
      }
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
        gear.command(service, { name: 'enable', ...WHO })
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
