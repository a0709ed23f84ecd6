// Keeps count of what the demo's board does: the route each service took, its transitions, and tallies of single episodes.
import type { OutcomeRecord, TransitionRecord } from '../../model/records.ts'
import { type StateName, stateOf } from '../../model/states.ts'
import { type DemoService, ROUTES } from './demoServices.ts'

/** What became of a service's calls while one episode of the script lasted. */
export class Episode {
  successes = 0
  failures = 0
  refused = 0
  probes = 0
  over = false
  readonly transitions: TransitionRecord[] = []

  constructor(
    readonly service: DemoService,
    /** Epoch ms. */
    readonly startedAt: number,
  ) {}

  /** Calls that went out. */
  get sent(): number {
    return this.successes + this.failures
  }

  /** When `state` was first entered in this episode, ms after its start. */
  reached(state: StateName): number | undefined {
    const transition = this.transitions.find(({ to }) => stateOf(to) === state)
    return transition && Math.max(0, transition.at - this.startedAt)
  }
}

export class Ledger {
  readonly transitions: TransitionRecord[] = []
  readonly #routes = new Map<string, StateName[]>(Object.keys(ROUTES).map((service) => [service, ['closed']]))
  #episodes: Episode[] = []

  /** Counts from now on, until the episode is over. */
  begin(service: DemoService, at: number): Episode {
    this.#episodes = this.#episodes.filter(({ over }) => !over)
    const episode = new Episode(service, at)
    this.#episodes.push(episode)
    return episode
  }

  outcome({ service, result, probe }: OutcomeRecord): void {
    for (const episode of this.#episodes) {
      if (episode.over || episode.service !== service) continue
      if (result === 'success') episode.successes++
      else if (result === 'failure') episode.failures++
      else if (result === 'rejected') episode.refused++
      if (probe !== undefined) episode.probes++
    }
  }

  transition(transition: TransitionRecord): void {
    this.transitions.push(transition)
    const route = this.#routes.get(transition.service)
    const state = stateOf(transition.to)
    if (route && route.at(-1) !== state) route.push(state)
    for (const episode of this.#episodes) {
      if (!episode.over && episode.service === transition.service) episode.transitions.push(transition)
    }
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
}
