// The board that breakers hang on: one root actor, one clock, one journal, one bus. Live boards and replays are the same
// board; only the clock and what hears it differ.
import type { Bus } from '../bus/bus.ts'
import type { Journal } from '../bus/journal.ts'
import { warnOfThrown } from '../bus/thrownWarning.ts'
import type { OrchestratorEvent } from '../machines/orchestratorMachine.ts'
import type { Clock } from '../model/clock.ts'
import { EVERYWHERE } from '../model/orchestrator/alerts.ts'
import { isAway, type OrchestratorContext } from '../model/orchestrator/context.ts'
import { coordinates } from '../model/orchestrator/recovery.ts'
import type { Review } from '../model/orchestrator/review.ts'
import { parseSaved } from '../model/orchestrator/saved.ts'
import { isQuiet } from '../model/orchestrator/supervise.ts'
import type { BreakerPolicy, Kind } from '../model/policy.ts'
import { deriveSeed, type Random, seededRandom } from '../model/random.ts'
import type { GearEvent, HeaderReason, HeaderRecord, TransitionRecord } from '../model/records.ts'
import type { Directive, SystemCommand } from '../model/signals.ts'
import type { ServiceProfile } from '../services/serviceProfile.ts'
import { type HeaderParts, headerOf } from './boardHeader.ts'
import { Breaker } from './breaker.ts'
import type { BreakerHost, FailureListener } from './breakerHost.ts'
import { carryOut } from './carryOut.ts'
import { isKeyed, parentOf } from './keyedName.ts'
import { type CodeRule, Reviewer } from './reviewer.ts'
import { RootActor, type RootOptions } from './rootActor.ts'

export interface BoardOptions extends RootOptions, HeaderParts {
  readonly clock: Clock
  readonly bus: Bus
  /** `service` is that of a keyed breaker too. */
  readonly profileFor: (kind: Kind, service: string) => ServiceProfile
  /** Fits a breaker out with what only a live one has. */
  readonly outfit?: ((breaker: Breaker) => void) | undefined
  /** Conditions in code, asked with each review; given for a live board, which has reviews of its own. */
  readonly rules?: readonly CodeRule[] | undefined
  /** Everything random on this board is drawn from it. */
  readonly seed: number
  readonly journal?: Pick<Journal, 'append'> | undefined
}

export class Board implements BreakerHost {
  readonly clock: Clock
  readonly #options: BoardOptions
  readonly #bus: Bus
  readonly #root: RootActor
  readonly #breakers = new Map<string, Breaker>()
  /** Those of services. */
  readonly #services = new Map<string, Breaker>()
  /** Told of every failure too: who reports them to a fleet. */
  onFailure: FailureListener | undefined
  /** Told of each breaker that leaves the board, with what it has counted. */
  onRemoved: ((breaker: Breaker) => void) | undefined
  #reviewer: Reviewer | undefined
  #journal: Pick<Journal, 'append'> | undefined
  #outbox: GearEvent[] = []
  #delivering = false
  readonly #warned = new Set<string>()

  constructor(options: BoardOptions) {
    this.#options = options
    this.clock = options.clock
    this.#bus = options.bus
    this.#journal = options.journal
    this.#root = new RootActor(options, this.now(), {
      carryOut: (effect) => carryOut(effect, this),
      deliver: () => this.deliver(),
    })
    if (options.rules && options.orchestrator) this.#reviewer = new Reviewer(this, options.rules)
  }

  /** Hangs a breaker on the board. `announced` for one that comes while the board runs, so that a replay knows. */
  add(service: string, kind: Kind, policy: BreakerPolicy, at: number, announced = false): Breaker {
    if (announced) this.emit({ type: 'config', at, service, change: 'added', kind, policy })
    const ref = this.#root.startBreaker({ service, policy, seed: deriveSeed(this.#options.seed, service), at })
    const breaker = new Breaker(service, kind, this.#options.profileFor(kind, parentOf(service)), ref, this)
    this.#options.outfit?.(breaker)
    this.#breakers.set(service, breaker)
    if (!isKeyed(service)) this.#services.set(service, breaker)
    this.deliver()
    return breaker
  }

  remove(service: string, at: number): void {
    const breaker = this.#breakers.get(service)
    if (!breaker) return
    this.emit({ type: 'config', at, service, change: 'removed' })
    this.#options.correlator?.removed(breaker)
    this.onRemoved?.(breaker)
    this.#breakers.delete(service)
    this.#services.delete(service)
    breaker.dispose()
    this.#root.send({ type: 'breaker.removed', at, service })
    this.deliver()
  }

  get(service: string): Breaker | undefined {
    return this.#breakers.get(service)
  }

  get breakers(): IterableIterator<Breaker> {
    return this.#breakers.values()
  }

  /** Those of services, without those of their keys. */
  get services(): Iterable<Breaker> {
    return this.#services.values()
  }

  /** What the orchestrator knows. */
  get context(): OrchestratorContext {
    return this.#root.context
  }

  get isQuiet(): boolean {
    return isQuiet(this.context, this.now())
  }

  /** Goes on from what a header tells of the orchestrator; where the breakers stand, they say themselves. */
  restore(saved: unknown, at: number): void {
    const breakers = [...this.#services.values()]
    const paths = Object.fromEntries(breakers.map(({ service, path }) => [service, path]))
    const epoch = Math.max(0, ...breakers.map(({ context }) => context.directiveEpoch))
    const directives = Object.fromEntries(
      breakers.flatMap(({ service, context: { standing } }) => (standing.directive ? [[service, standing.directive]] : [])),
    )
    const known = saved === undefined ? undefined : parseSaved(saved)
    this.#root.send({ type: 'restore', at, saved: known, paths, epoch, directives })
    this.#options.correlator?.adopt(this.context.findings)
    this.#attend()
  }

  /** Looks at once, when a board goes on: before a timer of a breaker can, what it waits for has to be known. */
  resume(): void {
    const { context } = this
    if (coordinates(context) || Object.keys(context.force).length > 0) this.#reviewer?.look()
  }

  /** What was counted in the last second. One that changes nothing leaves no trace. */
  review(review: Review, recorded = false): void {
    if (!recorded && !this.#root.heeds(review)) return
    this.emit({ ...review, service: EVERYWHERE })
    this.#root.send(review)
    this.deliver()
  }

  /** What an operator wants of several services. */
  command(at: number, command: SystemCommand): void {
    this.emit({ type: 'systemCommand', at, service: EVERYWHERE, command })
    this.#root.send({ type: 'command.given', at, command })
    this.#attend()
    this.deliver()
  }

  /** What a correlator found; in a replay, what the journal says it did. */
  find(event: Extract<OrchestratorEvent, { type: 'finding.made' }>): void {
    this.#root.send(event)
    this.deliver()
  }

  /** Whole epoch ms: how every input is stamped. */
  now(): number {
    return Math.floor(this.clock.now())
  }

  /** Chance for `purpose`, drawn from the board's seed. */
  random(purpose: string): Random {
    return seededRandom(deriveSeed(this.#options.seed, purpose))
  }

  /** From now on, what happens is journalled. */
  keep(journal: Pick<Journal, 'append'>): void {
    this.#journal = journal
  }

  /** What the board is at this moment, as the first line of a journal file. */
  header(reason: HeaderReason, dropped?: number): HeaderRecord {
    return headerOf(this, this.#options, reason, dropped)
  }

  stop(): void {
    const at = this.now()
    this.#root.retire()
    this.#reviewer?.dispose()
    for (const breaker of this.#breakers.values()) breaker.dispose()
    this.#root.stop(at)
  }

  // --- BreakerHost ------------------------------------------------------------------------------------------------------

  get wantsOutcomes(): boolean {
    return this.#journal !== undefined || this.#isWanted('outcome')
  }

  emit(event: GearEvent): void {
    try {
      this.#journal?.append(event)
    } catch (error) {
      this.#warn('the journal', error)
    }
    if (this.#isWanted(event.type)) this.#outbox.push(event)
  }

  /** A journal or bus of the user's own that throws must not take a call down with it. */
  #warn(what: string, error: unknown): void {
    if (this.#warned.has(what)) return
    this.#warned.add(what)
    warnOfThrown(what, error)
  }

  #isWanted(type: GearEvent['type']): boolean {
    try {
      return this.#bus.wants(type)
    } catch (error) {
      this.#warn('the bus', error)
      return false
    }
  }

  moved({ at, service, from, to }: TransitionRecord): void {
    if (to === 'open.cooling' && !isAway(from)) this.#options.correlator?.opened(service, at)
    this.#root.send({ type: 'breaker.moved', at, service, from, to })
    this.#attend()
  }

  directed(service: string, at: number, directive: Directive): void {
    // What is asked of a key is between the two of them.
    if (isKeyed(service)) return
    this.#root.send({ type: 'directive.heard', at, service, directive })
    this.#attend()
  }

  readonly failed: FailureListener = (service, at, failure, microseconds, probe, facts) => {
    if (this.#services.size > 1) this.#reviewer?.noteFailure(service)
    this.#options.correlator?.failed(parentOf(service), at, failure.type)
    this.onFailure?.(service, at, failure, microseconds, probe, facts)
  }

  rootOf(service: string): string | undefined {
    return this.#root.rootOf(service)
  }

  /** Time may change what stands now. */
  #attend(): void {
    const { context } = this
    if (this.#reviewer && (coordinates(context) || context.fleet) && !this.isQuiet) this.#reviewer.wake()
  }

  deliver(): void {
    if (this.#delivering || this.#outbox.length === 0) return
    this.#delivering = true
    // A listener may command a breaker, which adds to the outbox; its events are heard after those already here.
    for (const event of this.#outbox) {
      try {
        this.#bus.publish(event)
      } catch (error) {
        this.#warn('the bus', error)
      }
    }
    this.#outbox = []
    this.#delivering = false
  }
}
