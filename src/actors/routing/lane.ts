// One backend of a route: what of the traffic it is due, and how long calls made through the route have taken there.
import type { Backend } from '../../model/route.ts'
import type { StatePath } from '../../model/states.ts'
import type { Breaker } from '../breaker.ts'
import type { CallResult } from '../callFollower.ts'

/** In what time the memory of a latency fades to a third (1/e), ms; ten seconds, as Finagle's peak EWMA has it. */
const MEMORY = 10_000
/** A failure counts as a call of at least this long, and of twice what the slowest backend that is well takes; in ms. */
const FAILURE = 1_000
/** No sample counts for longer, or one call that hung for hours would keep a backend off for as long; in ms. */
const LONGEST = 120_000
/**
 * A call in flight at a backend that has never answered counts as one of so many times what the slowest that is well takes; of
 * this many ms where none is known to be. So it is tried at once, and not flooded before it has answered.
 */
const UNKNOWN_TIMES = 4
const UNKNOWN = 100

export class Lane {
  /** What the state leaves of its share of the traffic, 0–1; as of the pick under way. */
  share = 1
  /** Its weight beside the others', with the state reckoned in; as of the pick under way. */
  due = 1
  /** How far it is ahead of its turn or behind it, in units of weight. */
  turn = 0
  /** Turns of its own that a share below 1 has gathered. */
  credit = 0
  /** True where its gate lets a share of the calls pass, and not the next one; as of the pick under way. */
  sheds = false
  readonly #others: readonly Lane[]
  #latency = 0
  /** Its last call failed. */
  #failing = false
  /** When it was last heard of, epoch ms; never: -1. */
  #heardAt = -1

  /** `lanes`: all of the route, this one among them once it is added. */
  constructor(
    readonly backend: Backend,
    readonly breaker: Breaker,
    lanes: readonly Lane[],
  ) {
    this.#others = lanes
  }

  get baseUrl(): string | undefined {
    return this.backend.baseUrl
  }

  get inFlight(): number {
    return this.breaker.inFlight
  }

  /** Half-open, and no probe is out. */
  get wantsProbe(): boolean {
    const { spell } = this.breaker.context
    return spell.in === 'halfOpen' && spell.inFlight.length === 0
  }

  /** Reckons for the pick under way what it is due. */
  prepare(sheds: boolean): void {
    this.sheds = sheds
    this.share = SHARES[this.breaker.gate.path]
    // Where one that stands by is picked among, nobody has a weight.
    this.due = (this.backend.weight || 1) * this.share
  }

  /** True as often as its share of the turns it is offered. */
  takesTurn(): boolean {
    if (this.share >= 1) return true
    this.credit += this.share
    if (this.credit < 1) return false
    this.credit--
    return true
  }

  /** The peak-sensitive moving average of its latency, ms, as it has faded by `at`; undefined when it has never answered. */
  latency(at: number): number | undefined {
    return this.#heardAt < 0 ? undefined : this.#latency * this.#faded(at)
  }

  /** What a call more would meet there: the latency times the calls that would share it. */
  load(at: number): number {
    const { inFlight } = this
    if (this.#heardAt < 0) return inFlight === 0 ? 0 : inFlight * (UNKNOWN_TIMES * this.#slowestWell(at) || UNKNOWN)
    return this.#latency * this.#faded(at) * (inFlight + 1)
  }

  /** A call that was made through the route has ended at `at` (epoch ms). What the caller took back or got wrong says nothing. */
  ended(result: CallResult, ms: number, at: number): void {
    if (result === 'ignored') return
    this.#failing = result === 'failure'
    // However quick a failure is, it is no reason to go there.
    const slow = this.#failing ? Math.max(ms, FAILURE, 2 * this.#slowestWell(at)) : ms
    const sample = Math.min(slow, LONGEST)
    const left = this.#heardAt < 0 ? 0 : this.#faded(at)
    const before = this.#latency * left
    // A rise is believed at once, a fall only as time passes.
    this.#latency = sample > before ? sample : before + sample * (1 - left)
    this.#heardAt = Math.max(at, this.#heardAt)
  }

  #faded(at: number): number {
    return at > this.#heardAt ? Math.exp((this.#heardAt - at) / MEMORY) : 1
  }

  /** Among the others, ms; 0 when none is known to be well. */
  #slowestWell(at: number): number {
    let slowest = 0
    for (const lane of this.#others) {
      if (lane !== this && !lane.#failing) slowest = Math.max(slowest, lane.latency(at) ?? 0)
    }
    return slowest
  }
}

/**
 * What each state leaves of a backend's share. Half of it goes with each level of degradation, and while the service paces us;
 * ramps, throttles and directives shed for themselves, each call by the gate; where nothing is admitted, nothing is picked.
 */
const SHARES: Readonly<Record<StatePath, number>> = {
  'closed.watching': 1,
  'closed.ramping': 1,
  'closed.bypassed': 1,
  'open.cooling': 1,
  'open.awaitingPermit': 1,
  'open.forced': 1,
  halfOpen: 1,
  'degraded.level1': 0.5,
  'degraded.level2': 0.25,
  'degraded.level3': 0.125,
  'rateLimited.paced': 0.5,
  'rateLimited.exhausted': 1,
  'budgetLimited.throttled': 1,
  'budgetLimited.blocked': 1,
  maintenance: 1,
}
