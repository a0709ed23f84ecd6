// When a node asks for the fleet's lease, and until when it may act on it: the arithmetic of leaderMachine. All times are epoch ms
// by the node's own clock, and only ever compared with that clock.
import { draw } from '../random.ts'

/** What a node remembers of the lease. */
export interface LeaderContext {
  /** ms */
  readonly lifetime: number
  /** State of the seeded generator that the jitter is drawn from. */
  readonly random: number
  /** When it asks for the lease the next time; undefined: never again, or while an answer is awaited. */
  readonly askAt: number | undefined
  /** Of the term that it leads, or led last. */
  readonly epoch: number | undefined
  /** Up to here it may act; what it asked for later has not been answered. */
  readonly fence: number | undefined
  /** Who leads, as far as it is known. */
  readonly holder: string | undefined
  /** What led into the present state. */
  readonly reason: string
}

export type LeaderEvent =
  /** The time to ask has come. */
  | { readonly type: 'timer.ask'; readonly at: number }
  /**
   * The lease is this node's. `asked`: the time read before the question was sent, from which it counts. `lifetime`: of the lease as
   * the server has it, ms, which need not be what this node was told.
   */
  | {
      readonly type: 'lease.held'
      readonly at: number
      readonly asked: number
      readonly epoch: number
      readonly lifetime: number
    }
  /** Another node has it. */
  | { readonly type: 'lease.taken'; readonly at: number; readonly holder: string | undefined; readonly lifetime: number }
  /** Nobody could be asked. */
  | { readonly type: 'lease.failed'; readonly at: number }
  /** Who led has said that it leads no longer. */
  | { readonly type: 'lease.freed'; readonly at: number }
  /** Somebody looks whether this node may act: before each act, and when the fence is reached. */
  | { readonly type: 'look'; readonly at: number }
  | { readonly type: 'stop'; readonly at: number }

/** A leader stops so long before its lease lapses, for what it has sent already still is under way; ms. */
const MARGIN = 300
/** Asked again so soon where the server did not answer a leader, as a part of the lifetime. */
const AGAIN = 1 / 6

/** Until when a lease that was asked for at `asked` may be acted on. Of a very short one, half of it. */
export function fenceOf(asked: number, lifetime: number): number {
  return asked + Math.max(lifetime - MARGIN, lifetime * 0.5)
}

/** A leader renews every third of the lifetime, so that it can miss an answer or two. */
export function renewAt(asked: number, lifetime: number): number {
  return asked + lifetime / 3
}

export function renewAgainAt(at: number, lifetime: number): number {
  return at + lifetime * AGAIN
}

/** Others look every third of it, from half that on at random, so that they do not all come at once when the lease is free. */
export function campaignAt(at: number, { lifetime, random }: LeaderContext): Pick<LeaderContext, 'askAt' | 'random'> {
  const { value, state } = draw(random)
  return { askAt: at + (lifetime / 3) * (0.5 + value / 2), random: state }
}

/** Of a lease that was just given up: within a thirtieth of its lifetime, at random. */
export function campaignSoon(at: number, { lifetime, random }: LeaderContext): Pick<LeaderContext, 'askAt' | 'random'> {
  const { value, state } = draw(random)
  return { askAt: at + (lifetime / 30) * value, random: state }
}

/** Does the answer still hold when it comes? One that took longer than the lease lives is none. */
export function isFresh({ at, asked, lifetime }: Extract<LeaderEvent, { type: 'lease.held' }>): boolean {
  return at < fenceOf(asked, lifetime)
}

/** What a node waits for: the time to ask, or its fence. */
export function leaderDeadline({ askAt, fence }: LeaderContext, leads: boolean): number | undefined {
  if (!leads || fence === undefined) return askAt
  return askAt === undefined ? fence : Math.min(askAt, fence)
}
