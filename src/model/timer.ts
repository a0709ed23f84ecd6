// What is armed on a clock, and the rings (circular lists) in which a wheel keeps it.

/** Something that waits on a clock. Subclass it, arm it, and be fired once per arming. Belongs to one clock at a time. */
export abstract class Timer {
  /** While armed, should the process wait for it? Read when it is armed. */
  keepsProcessAlive = false
  /** @internal Where it sits in the wheel. */
  readonly seat: Seat = new Seat(this)

  get armed(): boolean {
    return taken(this.seat)
  }

  /** The tick (epoch ms) it was last armed for; Infinity before that. */
  get dueTick(): number {
    return this.seat.dueTick
  }

  /** Called when due, already disarmed. `at` is the time the wheel was advanced to: the due tick, or later if it was late. */
  abstract fire(at: number): void
}

/** One that calls a function. */
export class Due extends Timer {
  readonly #then: (at: number) => void

  constructor(then: (at: number) => void, keepsProcessAlive = false) {
    super()
    this.#then = then
    this.keepsProcessAlive = keepsProcessAlive
  }

  fire(at: number): void {
    this.#then(at)
  }
}

/**
 * A link of a ring; a seat that is not taken is a ring by itself. Apart from the timer because links touch their neighbours:
 * with half a dozen subclasses of Timer among these, every access would be a megamorphic one (measured: 5 times slower).
 */
export class Seat {
  before: Seat = this
  after: Seat = this
  /** Infinity at first, and not 0, so that V8 holds it as a double from the start. */
  dueTick = Number.POSITIVE_INFINITY
  keepsProcessAlive = false
  /** Undefined for the fixed point of a ring. */
  readonly timer: Timer | undefined

  constructor(timer: Timer | undefined) {
    this.timer = timer
  }
}

export function taken(seat: Seat): boolean {
  return seat.after !== seat
}

export function append(ring: Seat, seat: Seat): void {
  const last = ring.before
  seat.before = last
  seat.after = ring
  last.after = seat
  ring.before = seat
}

export function unlink(seat: Seat): void {
  const { before, after } = seat
  before.after = after
  after.before = before
  seat.before = seat
  seat.after = seat
}

/** Moves the whole content of `from` to the end of `to`. */
export function splice(from: Seat, to: Seat): void {
  if (!taken(from)) return
  const first = from.after
  const last = from.before
  const end = to.before
  end.after = first
  first.before = end
  last.after = to
  to.before = last
  from.before = from
  from.after = from
}
