// The board that breakers hang on: one root actor, one clock, one journal, one bus. Live boards and replays are the same
// board; only the clock and what hears it differ.
import { createActor, type InspectionEvent, type Observer } from 'xstate'
import type { Bus } from '../bus/bus.ts'
import type { Journal } from '../bus/journal.ts'
import { type BreakerInput, breakerMachine } from '../machines/breakerMachine.ts'
import { orchestratorMachine } from '../machines/orchestratorMachine.ts'
import type { Clock } from '../model/clock.ts'
import type { BreakerPolicy, Kind } from '../model/policy.ts'
import { deriveSeed, type Random, seededRandom } from '../model/random.ts'
import { BEHAVIOUR, type GearEvent, type HeaderReason, type HeaderRecord, type TransitionRecord } from '../model/records.ts'
import type { ServiceProfile } from '../services/serviceProfile.ts'
import { Breaker, type BreakerRef } from './breaker.ts'
import type { BreakerHost } from './breakerHost.ts'
import { isKeyed, parentOf } from './keyedName.ts'

export interface BoardOptions {
  readonly clock: Clock
  readonly bus: Bus
  /** `service` is that of a keyed breaker too. */
  readonly profileFor: (kind: Kind, service: string) => ServiceProfile
  /** Fits a breaker out with what only a live one has. */
  readonly outfit?: ((breaker: Breaker) => void) | undefined
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
  #journal: Pick<Journal, 'append'> | undefined
  #outbox: GearEvent[] = []
  #delivering = false
  readonly #warned = new Set<string>()

  constructor(options: BoardOptions) {
    this.#options = options
    this.clock = options.clock
    this.#bus = options.bus
    this.#journal = options.journal
    this.#root = createActor(orchestratorMachine, {
      id: 'switchgear',
      ...(options.inspect ? { inspect: shielded(options.inspect) } : undefined),
    })
    this.#root.start()
  }

  /** Hangs a breaker on the board. `announced` for one that comes while the board runs, so that a replay knows. */
  add(service: string, kind: Kind, policy: BreakerPolicy, at: number, announced = false): Breaker {
    if (announced) this.emit({ type: 'config', at, service, change: 'added', kind, policy })
    const ref = this.#start({ service, policy, seed: deriveSeed(this.#options.seed, service), at })
    const breaker = new Breaker(service, kind, this.#options.profileFor(kind, parentOf(service)), ref, this)
    this.#options.outfit?.(breaker)
    this.#breakers.set(service, breaker)
    this.deliver()
    return breaker
  }

  remove(service: string, at: number): void {
    const breaker = this.#breakers.get(service)
    if (!breaker) return
    this.emit({ type: 'config', at, service, change: 'removed' })
    this.#breakers.delete(service)
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
      ...(this.#options.spend === undefined ? undefined : { spend: this.#options.spend() }),
      ...(dropped === undefined ? undefined : { dropped }),
    }
  }

  stop(): void {
    const at = this.now()
    for (const breaker of this.#breakers.values()) {
      breaker.dispose()
      this.#root.send({ type: 'breaker.removed', at, service: breaker.service })
    }
    this.#root.send({ type: 'board.stopped', at })
    this.#root.stop()
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

  moved({ at, service, to }: TransitionRecord): void {
    this.#root.send({ type: 'breaker.moved', at, service, to })
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
