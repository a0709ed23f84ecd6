// Tells the fleet what happens on this board: successes as a summary a second, from what the breakers have counted anyway;
// failures one by one; and what the board's own bus tells of. Breakers of keys report under their service. Used by fleetNode.ts.
import type { Bus } from '../../bus/bus.ts'
import type { FleetLink } from '../../bus/fleetLink.ts'
import { dollarsOf } from '../../model/budgets/money.ts'
import type { Failure } from '../../model/failures.ts'
import type { OutcomeMessage, WireMessage } from '../../model/fleet/wire.ts'
import { LONGEST_ALERT, LONGEST_PAUSE, MOST_TOKENS } from '../../model/fleet/wireFields.ts'
import type { TokenUsage } from '../../model/measurement.ts'
import type { GearEvent, OutcomeResult } from '../../model/records.ts'
import type { Board } from '../board.ts'
import type { Breaker } from '../breaker.ts'
import type { OwnSpend } from '../budgets/budgetKeeper.ts'
import { parentOf } from '../keyedName.ts'
import type { CallFacts } from '../outcomeRecord.ts'
import { Alarm } from './alarm.ts'
import type { NodeName } from './nodeName.ts'

export interface OutcomeReporterOptions {
  readonly link: Pick<FleetLink, 'connected' | 'publish'>
  readonly board: Board
  readonly bus: Pick<Bus, 'subscribe'>
  readonly name: NodeName
  /** What this node has spent; undefined where no budgets are kept. */
  readonly own?: (() => OwnSpend) | undefined
}

interface Counts {
  readonly successes: number
  readonly ignored: number
  readonly rejected: number
  /** Of the successes. */
  readonly microseconds: number
  readonly slow: number
}

/** ms */
const EVERY = 1000
/** Commands are not among them: on the bus they are meant for the whole fleet. */
const TOLD = ['transition', 'alert', 'finding', 'decision', 'signal'] as const
const NONE: Counts = { successes: 0, ignored: 0, rejected: 0, microseconds: 0, slow: 0 }

export class OutcomeReporter {
  readonly #options: OutcomeReporterOptions
  readonly #alarm: Alarm
  readonly #stops: (() => void)[]
  #counted = new WeakMap<Breaker, Counts>()
  /** By service, what breakers that have left the board had counted since the last look: keys come and go. */
  #left = new Map<string, Counts>()
  /** By service, billionths of a dollar of this month. */
  readonly #costs = new Map<string, number>()
  /** Of calls and happenings that nobody was told of, as there was no connection. */
  unreported = 0

  constructor(options: OutcomeReporterOptions) {
    this.#options = options
    const { board, bus } = options
    this.#alarm = new Alarm(board.clock, () => this.#tick())
    this.#stops = TOLD.map((type) => bus.subscribe(type, (event) => this.#tell(event)))
    board.onFailure = (service, at, failure, microseconds, probe, facts) =>
      this.#failed(service, at, failure, microseconds, probe, facts)
    board.onRemoved = (breaker) => this.#add(breaker, this.#left)
    this.#count()
    this.#alarm.in(EVERY)
  }

  stop(): void {
    this.#alarm.off()
    for (const stop of this.#stops) stop()
    this.#options.board.onFailure = undefined
    this.#options.board.onRemoved = undefined
    this.#report()
  }

  #tick(): void {
    this.#report()
    this.#alarm.in(EVERY)
  }

  #report(): void {
    const { link, board } = this.#options
    const more = this.#count()
    const costs = this.#costsSince()
    const at = board.now()
    for (const [service, counts] of more) {
      const { successes, ignored, rejected, microseconds, slow } = counts
      if (!link.connected) {
        this.unreported += successes + ignored + rejected
        continue
      }
      const cost = costs.get(service) ?? 0
      if (successes > 0) {
        const latency = Math.round(microseconds / successes) / 1000
        const known = { ...(slow > 0 ? { slow } : undefined), ...(cost > 0 ? { cost: dollarsOf(cost) } : undefined) }
        this.#summary(service, at, 'success', successes, latency, known)
      }
      if (ignored > 0) this.#summary(service, at, 'ignored', ignored, 0, {})
      if (rejected > 0) this.#summary(service, at, 'rejected', rejected, 0, {})
    }
  }

  #summary(
    service: string,
    at: number,
    result: OutcomeResult,
    count: number,
    latency: number,
    known: Pick<OutcomeMessage, 'slow' | 'cost'>,
  ): void {
    this.#publish({ ...this.#envelope(service, at), type: 'outcome', result, latency, count, ...known })
  }

  /** What has come since the last look, by service. */
  #count(): Map<string, Counts> {
    const more = this.#left
    this.#left = new Map()
    for (const breaker of this.#options.board.breakers) this.#add(breaker, more)
    return more
  }

  /** What the breaker has counted since it was last looked at. */
  #add(breaker: Breaker, more: Map<string, Counts>): void {
    const { successes, ignored, rejected } = breaker
    const before = this.#counted.get(breaker) ?? NONE
    if (successes === before.successes && ignored === before.ignored && rejected === before.rejected) return
    const { microseconds, slow } = successes === before.successes ? before : breaker.took
    const now = { successes, ignored, rejected, microseconds, slow }
    this.#counted.set(breaker, now)
    const service = parentOf(breaker.service)
    more.set(service, sum(more.get(service) ?? NONE, now, before))
  }

  #costsSince(): Map<string, number> {
    const more = new Map<string, number>()
    for (const [service, { month }] of this.#options.own?.().services ?? []) {
      more.set(service, Math.max(0, month - (this.#costs.get(service) ?? month)))
      this.#costs.set(service, month)
    }
    return more
  }

  #failed(
    breaker: string,
    at: number,
    { type, status, retryAfterMs }: Failure,
    microseconds: number,
    probe: number | undefined,
    facts: CallFacts | undefined,
  ): void {
    if (!this.#options.link.connected) {
      this.unreported++
      return
    }
    const { model, operation, usage, quality } = facts?.measured ?? {}
    this.#publish({
      ...this.#envelope(parentOf(breaker), at),
      type: 'outcome',
      result: 'failure',
      latency: microseconds / 1000,
      failure: type,
      // What a profile of a user's own may say beyond what readers take must not cost them the failure.
      ...(status !== undefined && status >= 100 && status <= 999 ? { status } : undefined),
      ...(retryAfterMs === undefined ? undefined : { retryAfterMs: Math.min(retryAfterMs, LONGEST_PAUSE) }),
      ...(model ? { model } : undefined),
      ...(operation ? { operation } : undefined),
      ...(usage !== undefined && isTold(usage) ? { usage } : undefined),
      ...(quality === undefined ? undefined : { quality }),
      ...(probe === undefined ? undefined : { probe: true }),
    })
  }

  #tell(event: GearEvent): void {
    const envelope = this.#envelope(parentOf(event.service), event.at)
    // A key's breaker is not the service's.
    if (event.type === 'transition' && envelope.service !== event.service) return
    if (!this.#options.link.connected) {
      this.unreported++
      return
    }
    switch (event.type) {
      case 'alert':
        this.#publish({ ...event, ...envelope, message: event.message.slice(0, LONGEST_ALERT) })
        return
      case 'transition':
      case 'finding':
      case 'decision':
      case 'signal':
        this.#publish({ ...event, ...envelope })
        return
      default:
    }
  }

  #publish(message: WireMessage): void {
    this.#options.link.publish(message)
  }

  #envelope(service: string, at: number) {
    return { v: 1, at, node: this.#options.name.current, service } as const
  }
}

function isTold({ input, output, cached = 0, reasoning = 0 }: TokenUsage): boolean {
  return Math.max(input, output, cached, reasoning) <= MOST_TOKENS
}

function sum(sum: Counts, now: Counts, before: Counts): Counts {
  return {
    successes: sum.successes + now.successes - before.successes,
    ignored: sum.ignored + now.ignored - before.ignored,
    rejected: sum.rejected + now.rejected - before.rejected,
    // What a histogram tells is rounded as it is merged, and another policy calls other calls slow.
    microseconds: sum.microseconds + Math.max(0, now.microseconds - before.microseconds),
    slow: sum.slow + Math.max(0, now.slow - before.slow),
  }
}
