// Keeps count of what the demo's board does: the route each service took, its transitions and alerts, and tallies of single
// episodes. The breakers of single models are the service seen from elsewhere and are left out, but for the calls they refuse,
// which the service's own breaker does not get to see.
import { isKeyed, parentOf } from '../../actors/keyedName.ts'
import type { AlertRecord, OutcomeRecord, TransitionRecord } from '../../model/records.ts'
import { type StateName, type StatePath, stateOf } from '../../model/states.ts'
import { type DemoService, ROUTES } from './demoServices.ts'

/** What became of a service's calls while one episode of the script lasted. */
export class Episode {
  successes = 0
  failures = 0
  refused = 0
  /** Probes that failed. */
  lostProbes = 0
  /** Calls that were asked for less. */
  lessened = 0
  /** The worst quality of an answer, 0–1. */
  worstQuality: number | undefined
  over = false
  readonly transitions: TransitionRecord[] = []
  readonly alerts: AlertRecord[] = []

  constructor(
    readonly service: DemoService,
    /** Epoch ms. */
    readonly startedAt: number,
  ) {}

  /** Calls that went out. */
  get sent(): number {
    return this.successes + this.failures
  }

  /** When `state` (or a substate of that path) was first entered in this episode, ms after its start. */
  reached(state: StateName | StatePath): number | undefined {
    const transition = this.transitions.find(({ to }) => to === state || stateOf(to) === state)
    return transition && Math.max(0, transition.at - this.startedAt)
  }

  /** When `code` was first told of in this episode, ms after its start. */
  heard(code: string): number | undefined {
    const alert = this.alerts.find((one) => one.code === code)
    return alert && Math.max(0, alert.at - this.startedAt)
  }

  count({ result, probe, level, quality }: OutcomeRecord): void {
    if (result === 'success') this.successes++
    else if (result === 'failure') this.failures++
    else if (result === 'rejected') this.refused++
    if (probe !== undefined && result === 'failure') this.lostProbes++
    if (level !== undefined && result !== 'rejected') this.lessened++
    if (quality !== undefined) this.worstQuality = Math.min(quality, this.worstQuality ?? 1)
  }
}

export class Ledger {
  readonly transitions: TransitionRecord[] = []
  readonly #routes = new Map<string, StateName[]>(Object.keys(ROUTES).map((service) => [service, ['closed']]))
  readonly #refused = new Map<string, number>()
  #episodes: Episode[] = []

  /** Counts from now on, until the episode is over. */
  begin(service: DemoService, at: number): Episode {
    this.#episodes = this.#episodes.filter(({ over }) => !over)
    const episode = new Episode(service, at)
    this.#episodes.push(episode)
    return episode
  }

  outcome(outcome: OutcomeRecord): void {
    const service = parentOf(outcome.service)
    const refused = outcome.result === 'rejected'
    if (isKeyed(outcome.service) && !refused) return
    if (refused) this.#refused.set(service, this.refused(service) + 1)
    for (const episode of this.#of(service)) episode.count(outcome)
  }

  alert(alert: AlertRecord): void {
    for (const episode of this.#of(alert.service)) episode.alerts.push(alert)
  }

  transition(transition: TransitionRecord): void {
    const route = this.#routes.get(transition.service)
    if (!route) return
    this.transitions.push(transition)
    const state = stateOf(transition.to)
    if (route.at(-1) !== state) route.push(state)
    for (const episode of this.#of(transition.service)) episode.transitions.push(transition)
  }

  /** Calls of `service` that were refused since the start. */
  refused(service: string): number {
    return this.#refused.get(service) ?? 0
  }

  /** The states `service` was in, in their order. */
  route(service: DemoService): readonly StateName[] {
    return this.#routes.get(service) ?? []
  }

  /** What of {@link ROUTES} did not happen, in words. */
  missed(): string[] {
    return Object.entries(ROUTES).flatMap(([service, expected]) => {
      const taken = this.#routes.get(service) ?? []
      let from = 0
      for (const [i, state] of expected.entries()) {
        const found = taken.indexOf(state, from)
        if (found < 0) return [`${service} was never ${state}${i > 0 ? ` after ${expected[i - 1]}` : ''}`]
        from = found + 1
      }
      return []
    })
  }

  #of(service: string): Episode[] {
    return this.#episodes.filter((episode) => !episode.over && episode.service === service)
  }
}
