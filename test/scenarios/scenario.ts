// What the scenarios share: a board in virtual time with traffic that the story turns good or bad, the whole sequence of what
// happened as lines to read, and the proof that its journal replays to the same.
import { expect, onTestFinished } from 'vitest'
import type { Permit } from '../../src/actors/permit.ts'
import { MemoryJournal } from '../../src/bus/memoryJournal.ts'
import type { ServiceInput } from '../../src/model/config.ts'
import { CallRejectedError } from '../../src/model/errors.ts'
import type { GearEvent } from '../../src/model/records.ts'
import { createSwitchgear, type Switchgear, type SwitchgearOptions } from '../../src/switchgear.ts'
import { VirtualClock } from '../../src/testing/index.ts'
import { replayed } from '../actors/testBoard.ts'

/** A breaker whose moves can be foretold: three failures in a row open it, for ten seconds; one probe closes it. */
export const PLAIN = {
  kind: 'http',
  trip: { consecutiveFailures: 3, failureRate: false, slowCallRate: false, stalledCalls: false },
  degrade: false,
  recoveryTimeout: 10_000,
  recoveryMultiplier: 1,
  recoveryJitter: { from: 1, to: 1 },
  maxProbes: 1,
  successesToClose: 1,
  probePatience: false,
} as const satisfies ServiceInput

type Answer = 'well' | number

export interface Story<Names extends string> {
  readonly gear: Switchgear<Record<Names, ServiceInput>>
  readonly clock: VirtualClock
  readonly journal: MemoryJournal
  readonly events: GearEvent[]
  /** From now on this is how a service answers: well, or with a status. */
  answers(service: Names, how: Answer): void
  /** Lets `seconds` pass with a call a second to every service, or to those named. */
  pass(seconds: number, ...to: Names[]): void
  /** One call; true when it was let through. */
  call(service: Names): boolean
  /** So many calls of each at once, which end together half a second later. */
  crowd(calls: number, ...to: Names[]): void
  /** What happened since it was last asked: transitions, directives, system states; alerts too if wanted. */
  happened(options?: { readonly alerts?: boolean }): string[]
  /** Replays the journal and holds it against what happened; to be called at the end. */
  replays(): void
}

export async function story<const Services extends Record<string, ServiceInput>>(
  services: Services,
  options: Partial<Omit<SwitchgearOptions<Services>, 'services' | 'journal' | 'clock'>> = {},
): Promise<Story<keyof Services & string>> {
  type Names = keyof Services & string
  const clock = new VirtualClock(0)
  const journal = new MemoryJournal()
  const gear = await createSwitchgear<Services>({
    seed: 7,
    ...options,
    orchestrator: { correlation: false, ...options.orchestrator },
    services,
    journal,
    clock,
  })
  onTestFinished(() => gear.close())
  const events: GearEvent[] = []
  gear.events$.subscribe((event) => events.push(event))
  const how = new Map<string, Answer>()
  let told = 0
  const asked = new Map<string, string>()
  const admitted = (service: Names): Permit[] => {
    try {
      return [gear.admit(service)]
    } catch (error) {
      if (error instanceof CallRejectedError) return []
      throw error
    }
  }
  const end = (permit: Permit): void => {
    const answer = how.get(permit.service) ?? 'well'
    if (answer === 'well') permit.succeed()
    else permit.fail(Object.assign(new Error(`status ${answer}`), { status: answer, headers: {} }))
  }
  const call = (service: Names): boolean => {
    const permits = admitted(service)
    for (const permit of permits) end(permit)
    return permits.length > 0
  }
  return {
    gear: gear as unknown as Switchgear<Record<Names, ServiceInput>>,
    clock,
    journal,
    events,
    answers(service, answer) {
      how.set(service, answer)
    },
    pass(seconds, ...to) {
      const names = to.length > 0 ? to : (Object.keys(services) as Names[])
      for (let second = 0; second < seconds; second++) {
        clock.advance(500)
        for (const name of names) call(name)
        clock.advance(500)
      }
    },
    call,
    crowd(calls, ...to) {
      const permits = Array.from({ length: calls }, () => to.flatMap(admitted)).flat()
      clock.advance(500)
      for (const permit of permits) end(permit)
      clock.advance(500)
    },
    happened({ alerts = false } = {}) {
      const lines = events.slice(told).flatMap((event) => lineOf(event, alerts, asked))
      told = events.length
      return lines
    },
    replays() {
      const { first, differences } = replayed(journal.records)
      expect(first).toBeUndefined()
      expect(differences).toBe(0)
    },
  }
}

function lineOf(event: GearEvent, alerts: boolean, asked: Map<string, string>): string[] {
  const at = `${event.at / 1000}`
  switch (event.type) {
    case 'transition':
      return [`${at} ${event.service}: ${event.from} → ${event.to} (${event.reason})`]
    case 'system':
      return [`${at} system: ${event.from} → ${event.to}`]
    case 'directive': {
      const { level, admissionRatio, hold, rule, reason } = event.directive
      const parts = [
        ...(level > 0 ? [`level ${level}`] : []),
        ...(admissionRatio < 1 ? [`admit ${admissionRatio}`] : []),
        ...(hold ? ['hold'] : []),
      ]
      const wish = `${parts.join(', ') || 'nothing'} (${rule}: ${reason})`
      const again = asked.get(event.service) === wish
      asked.set(event.service, wish)
      return [`${at} ${event.service} is asked ${again ? 'the same again' : wish}`]
    }
    case 'systemCommand':
      return [`${at} ${event.command.by}: ${event.command.name} (${event.command.why})`]
    case 'command':
      return [`${at} ${event.command.by}: ${event.command.name} ${event.service} (${event.command.why})`]
    case 'finding':
      return [`${at} ${event.over ? 'over' : 'found'}: ${event.finding.pattern} ${event.finding.services.join(', ')}`]
    case 'alert':
      return alerts ? [`${at} ${event.level}: ${event.message}`] : []
    default:
      return []
  }
}
