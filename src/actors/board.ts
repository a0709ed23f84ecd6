// The board that breakers hang on: one root actor, one clock, one journal, one bus. Live boards and replays are the same
// board; only the clock and what hears it differ.
import { isDeepStrictEqual } from 'node:util'
import { createActor, fromEventObservable, type InspectionEvent, type Observer } from 'xstate'
import type { Bus } from '../bus/bus.ts'
import type { Journal } from '../bus/journal.ts'
import { type BreakerInput, breakerMachine } from '../machines/breakerMachine.ts'
import { type OrchestratorEvent, orchestratorMachine } from '../machines/orchestratorMachine.ts'
import type { Clock } from '../model/clock.ts'
import { EVERYWHERE } from '../model/orchestrator/alerts.ts'
import type { OrchestratorConfig } from '../model/orchestrator/config.ts'
import { type Effect, isUseless, type OrchestratorContext } from '../model/orchestrator/context.ts'
import { rootsOf } from '../model/orchestrator/graph.ts'
import { coordinates } from '../model/orchestrator/recovery.ts'
import type { Review } from '../model/orchestrator/review.ts'
import { parseSaved } from '../model/orchestrator/saved.ts'
import { isQuiet, supervise } from '../model/orchestrator/supervise.ts'
import type { BreakerPolicy, Kind } from '../model/policy.ts'
import { deriveSeed, type Random, seededRandom } from '../model/random.ts'
import { BEHAVIOUR, type GearEvent, type HeaderReason, type HeaderRecord, type TransitionRecord } from '../model/records.ts'
import type { Directive, SystemCommand } from '../model/signals.ts'
import type { ServiceProfile } from '../services/serviceProfile.ts'
import { Breaker, type BreakerRef } from './breaker.ts'
import type { BreakerHost, FailureListener } from './breakerHost.ts'
import type { Correlator } from './correlator.ts'
import { isKeyed, parentOf } from './keyedName.ts'
import { type CodeRule, Reviewer } from './reviewer.ts'

export interface BoardOptions {
  readonly clock: Clock
  readonly bus: Bus
  /** `service` is that of a keyed breaker too. */
  readonly profileFor: (kind: Kind, service: string) => ServiceProfile
  /** Fits a breaker out with what only a live one has. */
  readonly outfit?: ((breaker: Breaker) => void) | undefined
  /** How the services are coordinated; absent: not at all, as in journals from before. */
  readonly orchestrator?: OrchestratorConfig | undefined
  /** Looks for patterns in failures; a live board's. */
  readonly correlator?: Correlator | undefined
  /** Conditions in code, asked with each review; given for a live board, which has reviews of its own. */
  readonly rules?: readonly CodeRule[] | undefined
  /** What was spent by now, for the header; absent: no budgets are kept. */
  readonly spend?: (() => unknown) | undefined
  /** Everything random on this board is drawn from it. */
  readonly seed: number
  readonly software: string
  readonly journal?: Pick<Journal, 'append'> | undefined
  readonly inspect?: Observer<InspectionEvent> | ((event: InspectionEvent) => void) | undefined
}

export class Board implements BreakerHost {
  readonly clock: Clock
  readonly #options: BoardOptions
  readonly #bus: Bus
  readonly #root
  readonly #breakers = new Map<string, Breaker>()
  /** Those of services. */
  readonly #services = new Map<string, Breaker>()
  /** Told of every failure too: who reports them to a fleet. */
  onFailure: FailureListener | undefined
  #reviewer: Reviewer | undefined
  #journal: Pick<Journal, 'append'> | undefined
  #outbox: GearEvent[] = []
  #delivering = false
  /** What the orchestrator knew when the board was switched off. */
  #last: OrchestratorContext | undefined
  readonly #warned = new Set<string>()

  constructor(options: BoardOptions) {
    this.#options = options
    this.clock = options.clock
    this.#bus = options.bus
    this.#journal = options.journal
    const { correlator, orchestrator } = options
    const machine = correlator
      ? orchestratorMachine.provide({
          actors: { correlator: fromEventObservable<OrchestratorEvent, undefined>(() => correlator.findings$) },
        })
      : orchestratorMachine
    this.#root = createActor(machine, {
      id: 'switchgear',
      input: { config: orchestrator, at: this.now() },
      ...(options.inspect ? { inspect: shielded(options.inspect) } : undefined),
    })
    this.#root.on('*', (effect) => this.#carryOut(effect))
    this.#root.start()
    if (options.rules && orchestrator) this.#reviewer = new Reviewer(this, options.rules)
  }

  /** Hangs a breaker on the board. `announced` for one that comes while the board runs, so that a replay knows. */
  add(service: string, kind: Kind, policy: BreakerPolicy, at: number, announced = false): Breaker {
    if (announced) this.emit({ type: 'config', at, service, change: 'added', kind, policy })
    const ref = this.#start({ service, policy, seed: deriveSeed(this.#options.seed, service), at })
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
    return this.#last ?? this.#root.getSnapshot().context
  }

  get isQuiet(): boolean {
    return isQuiet(this.context, this.now())
  }

  /** Goes on from what a header tells of the orchestrator; where the breakers stand, they say themselves. */
  restore(saved: unknown, at: number): void {
    const breakers = [...this.#services.values()]
    const paths = Object.fromEntries(breakers.map(({ service, path }) => [service, path]))
    const epoch = Math.max(0, ...breakers.map(({ context }) => context.directiveEpoch))
    this.#root.send({ type: 'restore', at, saved: saved === undefined ? undefined : parseSaved(saved), paths, epoch })
    this.#attend()
  }

  /** What was counted in the last second. One that changes nothing leaves no trace. */
  review(review: Review, recorded = false): void {
    if (!recorded && !this.#matters(review)) return
    this.emit({ ...review, service: EVERYWHERE })
    this.#root.send(review)
    this.deliver()
  }

  #matters(review: Review): boolean {
    const before = this.context
    const { context, effects } = supervise(before, review)
    if (effects.length > 0) return true
    return !(isQuiet(before, review.at) && isQuiet(context, review.at)) && !isDeepStrictEqual(before, context)
  }

  /** What an operator wants of several services. */
  command(at: number, command: SystemCommand): void {
    this.emit({ type: 'systemCommand', at, service: EVERYWHERE, command })
    this.#root.send({ type: 'command.given', at, command })
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
    const breakers = [...this.#breakers.values()]
    return {
      type: 'header',
      format: 'switchgear-journal',
      version: 1,
      behaviour: BEHAVIOUR,
      reason,
      startedAt: this.now(),
      software: this.#options.software,
      seed: this.#options.seed,
      services: Object.fromEntries(breakers.map(({ service, kind, policy }) => [service, { kind, policy }])),
      saved: breakers.map((breaker) => breaker.save()),
      ...this.#orchestration(),
      ...(this.#options.spend === undefined ? undefined : { spend: this.#options.spend() }),
      ...(dropped === undefined ? undefined : { dropped }),
    }
  }

  stop(): void {
    const at = this.now()
    // Breakers that leave one by one now are no news.
    this.#last = this.context
    this.#reviewer?.dispose()
    for (const breaker of this.#breakers.values()) {
      breaker.dispose()
      this.#root.send({ type: 'breaker.removed', at, service: breaker.service })
    }
    this.#root.send({ type: 'board.stopped', at })
    this.#root.stop()
  }

  #orchestration(): Pick<HeaderRecord, 'orchestrator'> {
    const { config, ...saved } = this.context
    return config ? { orchestrator: { config, saved } } : {}
  }

  /** What the orchestrator wants done, in the order in which it wants it. */
  #carryOut(effect: Effect): void {
    if (this.#last) return
    const { at } = effect
    switch (effect.type) {
      case 'directive':
        this.#breakers.get(effect.service)?.obey(at, effect.directive)
        return
      case 'permit':
        this.#breakers.get(effect.service)?.permit(at)
        return
      case 'command':
        // Calls of its keys are calls of the service.
        for (const breaker of this.#breakers.values()) {
          if (parentOf(breaker.service) === effect.service) breaker.join(at, effect.command)
        }
        return
      case 'finding':
        this.emit({ type: 'finding', at, service: EVERYWHERE, finding: effect.finding, over: effect.over })
        return
      case 'told':
        this.emit(effect.record)
    }
  }

  /**
   * The orchestrator spawns the breakers of services. Those of keys come and go by the thousand: they are its children all the
   * same, in one system with it, but not in its snapshot, which XState copies whenever a child in it comes or goes.
   */
  #start(input: BreakerInput): BreakerRef {
    const { service } = input
    if (isKeyed(service)) {
      return createActor(breakerMachine, { parent: this.#root, id: service, systemId: service, input }).start()
    }
    this.#root.send({ type: 'breaker.added', ...input })
    const ref = this.#root.getSnapshot().children[service] as BreakerRef | undefined
    if (!ref) throw new Error(`the breaker of ${service} was not started`)
    return ref
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
    warnOnce(what, error)
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
    this.#root.send({ type: 'breaker.moved', at, service, from, to })
    this.#attend()
  }

  directed(service: string, at: number, directive: Directive): void {
    this.#root.send({ type: 'directive.heard', at, service, directive })
    this.#attend()
  }

  readonly failed: FailureListener = (service, at, failure, microseconds, probe, facts) => {
    if (this.#services.size > 1) this.#reviewer?.noteFailure(service)
    this.#options.correlator?.failed(parentOf(service), at, failure.type)
    this.onFailure?.(service, at, failure, microseconds, probe, facts)
  }

  rootOf(service: string): string | undefined {
    const { config, services } = this.context
    if (!config) return undefined
    const away = (name: string): boolean => isUseless(services[name]?.path ?? 'closed.watching')
    const [root] = rootsOf(config.places, service, away)
    return root === service ? undefined : root
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

/** XState calls its inspectors in the middle of a step; one that throws would take the breaker's call down with it. */
function shielded(inspect: NonNullable<BoardOptions['inspect']>): (event: InspectionEvent) => void {
  let warned = false
  return (event) => {
    try {
      if (typeof inspect === 'function') inspect(event)
      else inspect.next?.(event)
    } catch (error) {
      if (warned) return
      warned = true
      warnOnce('the inspector', error)
    }
  }
}

function warnOnce(what: string, error: unknown): void {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
  process.emitWarning(`${what} threw; further errors of it are not shown: ${text}`, 'SwitchgearWarning')
}
