// Which backend of a route has the next call: those that admit are found by their gates, and the route's strategy picks among
// them. A router makes its calls where this says; `fetch` asks it too.
import { CallRejectedError } from '../../model/errors.ts'
import type { Random } from '../../model/random.ts'
import type { Exemption } from '../../model/records.ts'
import type { Route } from '../../model/route.ts'
import type { Breaker } from '../breaker.ts'
import { Lane } from './lane.ts'
import { PICKERS, type PickContext, type Picker } from './pickers.ts'

export interface SelectionOptions {
  readonly route: Route
  /** Of the route's backends, in their order. */
  readonly breakers: readonly Breaker[]
  /** For `peak-ewma`. */
  readonly random: Random
  /** What calls to a service have cost on the mean, dollars, for `cheapest`; where it is not known of all, what is configured counts. */
  readonly meanCost?: ((service: string) => number | undefined) | undefined
}

/** A backend that refuses, and its error. */
export interface Refusing {
  readonly lane: Lane
  /** Undefined: by now it would admit a call. */
  readonly error: CallRejectedError | undefined
  /** It was asked in earnest already, and the refusal is counted. */
  readonly declined: boolean
}

interface Declined {
  readonly lane: Lane
  /** Undefined until it has been asked. */
  error: CallRejectedError | undefined
}

export class Selection {
  readonly lanes: readonly Lane[]
  readonly #picker: Picker
  readonly #context: { -readonly [K in keyof PickContext]: PickContext[K] }
  /** Those to pick among, filled anew for each pick: the ordinary, those that stand by, and the half-open with a probe out. */
  readonly #ordinary: Lane[] = []
  readonly #standby: Lane[] = []
  readonly #probed: Lane[] = []
  /** Asked in the pick under way, and declined. */
  #declined: readonly Declined[] = NONE

  constructor({ route, breakers, random, meanCost = () => undefined }: SelectionOptions) {
    const lanes: Lane[] = []
    for (const [index, backend] of route.backends.entries()) {
      const breaker = breakers[index]
      if (breaker?.service !== backend.service) throw new Error(`the breaker of ${backend.service} is not where it should be`)
      lanes.push(new Lane(backend, breaker, lanes))
    }
    this.lanes = lanes
    this.#picker = PICKERS[route.strategy]
    this.#context = { at: 0, random, meanCost }
  }

  /**
   * The backend that should have the next call; undefined where none would admit it. One that is half-open and has no probe out
   * comes first, as else it would never recover. One whose gate sheds is asked in its turn, and passed over as often as it
   * declines; that is counted as a rejection there.
   */
  pick(at: number, exemption?: Exemption, except?: ReadonlySet<Lane>): Lane | undefined {
    let ordinary = 0
    let standby = 0
    let probed = 0
    this.#declined = NONE
    const { lanes } = this
    for (let i = 0; i < lanes.length; i++) {
      const lane = lanes[i]!
      if (except?.has(lane)) continue
      const { gate } = lane.breaker
      const refusal = gate.peek(at, exemption)
      const sheds = refusal === 'shed' || (refusal === 'budget' && gate.path === 'budgetLimited.throttled')
      if (refusal !== undefined && !sheds) continue
      lane.prepare(sheds)
      if (gate.path === 'halfOpen') {
        if (lane.wantsProbe) return lane
        this.#probed[probed++] = lane
      } else if (lane.backend.weight > 0) this.#ordinary[ordinary++] = lane
      else this.#standby[standby++] = lane
    }
    this.#context.at = at
    const lane =
      this.#pickAmong(this.#ordinary, ordinary) ??
      this.#pickAmong(this.#standby, standby) ??
      this.#pickAmong(this.#probed, probed)
    if (this.#declined !== NONE) this.#ask(this.#declined, at, exemption)
    return lane
  }

  /** Like {@link pick}; where none would admit the call, it is refused by the one that will first, whose error comes back. */
  choose(at: number, exemption?: Exemption): Lane | CallRejectedError {
    const lane = this.pick(at, exemption)
    if (lane) return lane
    const { lane: soonest, error, declined } = this.soonest(at)
    if (error === undefined) return soonest
    if (declined) return error
    const answer = soonest.breaker.admit(at, exemption)
    return answer instanceof CallRejectedError ? answer : error
  }

  /** Of the backends not tried yet, the one that will admit a call first. To be asked right after a pick that found none. */
  soonest(at: number, except?: ReadonlySet<Lane>): Refusing {
    let soonest: Lane | undefined
    let error: CallRejectedError | undefined
    let declined = false
    for (const lane of this.lanes) {
      if (except?.has(lane)) continue
      const asked = this.#declined.find((one) => one.lane === lane)?.error
      const said = asked ?? lane.breaker.peek(at)
      if (said === undefined) return { lane, error: undefined, declined: false }
      if (soonest && waitOf(said) >= waitOf(error)) continue
      soonest = lane
      error = said
      declined = asked !== undefined
    }
    return { lane: soonest ?? this.lanes[0]!, error, declined }
  }

  #pickAmong(lanes: Lane[], count: number): Lane | undefined {
    for (let left = count; left > 0; left--) {
      const lane = this.#picker(lanes, left, this.#context)
      if (!lane.sheds) return lane
      this.#declined = [...this.#declined, { lane, error: undefined }]
      lanes[lanes.indexOf(lane)] = lanes[left - 1]!
    }
    return undefined
  }

  /** In earnest, as each refusal brings a gate that sheds nearer to letting one pass. Listeners may ask for picks meanwhile. */
  #ask(declined: readonly Declined[], at: number, exemption: Exemption | undefined): void {
    for (const one of declined) {
      const answer = one.lane.breaker.admit(at, exemption)
      if (answer instanceof CallRejectedError) one.error = answer
    }
    this.#declined = declined
  }
}

/** How long until a refusal ends, ms. Nobody knows is later than any time. */
export function waitOf(error: unknown): number {
  return (error instanceof CallRejectedError ? error.retryAfterMs : undefined) ?? Number.POSITIVE_INFINITY
}

const NONE: readonly Declined[] = []
