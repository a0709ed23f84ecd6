// One wheel for every timer of a clock, however many: arming and disarming cost a few pointer writes and allocate nothing.
// Four levels of 256 slots of 1 ms, 256 ms, 65.5 s and 4.7 h; what lies beyond the present 2^32 ms waits in `#beyond`.
// A timer's slot depends only on its due tick and the present tick, so timers of one tick always share a list, in arming order.
import { append, Seat, splice, type Timer, taken, unlink } from './timer.ts'

export { Timer } from './timer.ts'

const LEVELS = 4
const SLOTS = 256
const SPAN = 2 ** 32
const BEYOND = LEVELS * SLOTS
const NOTHING = -1

export class TimerWheel {
  /** Timers armed. */
  size = 0
  /** Armed timers for which the process should wait. */
  keepingAlive = 0
  #now: number
  /** The end of the present 2^32 ms; timers due from there on are in `#beyond`. */
  #horizon: number
  readonly #slots: readonly Seat[] = Array.from({ length: LEVELS * SLOTS }, () => new Seat(undefined))
  /** A bit for each slot that may hold timers; cleared when a search finds it empty, to keep disarming short. */
  readonly #occupied = new Int32Array((LEVELS * SLOTS) / 32)
  readonly #beyond = new Seat(undefined)
  /** Armed for a tick already passed: fires on the next advance. */
  readonly #overdue = new Seat(undefined)
  readonly #firing = new Seat(undefined)
  #errors: unknown[] = []
  #advancing = false

  constructor(startTick: number) {
    this.#now = Math.ceil(startTick)
    this.#horizon = horizonOf(this.#now)
  }

  /**
   * Arms `timer` for the first tick not before `dueAt` (epoch ms), and returns that tick; one that is armed already is moved.
   * A time that has passed counts as the present tick and fires on the next advance. Throws a RangeError for NaN.
   */
  arm(timer: Timer, dueAt: number): number {
    const tick = Math.ceil(dueAt)
    if (Number.isNaN(tick)) throw new RangeError('a timer cannot be armed for NaN')
    const seat = timer.seat
    if (taken(seat)) this.#take(seat)
    seat.keepsProcessAlive = timer.keepsProcessAlive
    this.size++
    if (seat.keepsProcessAlive) this.keepingAlive++
    if (tick <= this.#now) {
      seat.dueTick = this.#now
      append(this.#overdue, seat)
      return this.#now
    }
    seat.dueTick = tick
    this.#place(seat, tick)
    return tick
  }

  /** Takes `timer` back; does nothing if it is not armed. */
  disarm(timer: Timer): void {
    const seat = timer.seat
    if (taken(seat)) this.#take(seat)
  }

  /**
   * Fires all that is due by `toTick`, by due tick and then in arming order. Timers may arm and disarm any timer while they
   * fire: what they arm for a later tick up to `toTick` fires in this advance, in its turn; what they arm for the tick being
   * fired or before waits for the next advance, so that a timer which re-arms itself for "now" cannot spin. An error
   * thrown by a timer keeps no other from firing; it is rethrown at the end (several as one AggregateError).
   * Throws a RangeError if `toTick` is not finite.
   */
  advance(toTick: number): void {
    if (this.#advancing) throw new Error('a timer that is firing cannot advance its own clock')
    if (!Number.isFinite(toTick)) throw new RangeError(`a wheel cannot advance to ${toTick}`)
    this.#advancing = true
    const at = Math.max(Math.floor(toTick), this.#now)
    splice(this.#overdue, this.#firing)
    this.#fireAll(at)
    for (let slot = this.#nextSlot(); slot !== NOTHING; slot = this.#nextSlot()) {
      const start = this.#startOf(slot)
      if (start > at) break
      this.#enter(slot, start)
      this.#fireAll(at)
    }
    this.#moveTo(at)
    this.#advancing = false
    if (this.#errors.length > 0) this.#rethrow()
  }

  /** A tick before which nothing is due: exact for what is near, else the border of a slot, at which to look again. */
  nextTick(): number | undefined {
    if (taken(this.#overdue)) return this.#now
    const slot = this.#nextSlot()
    return slot === NOTHING ? undefined : this.#startOf(slot)
  }

  /** The tick of the timer that is due first, exactly; costs a walk over the timers of one slot. */
  earliestDue(): number | undefined {
    if (taken(this.#overdue)) return this.#now
    const slot = this.#nextSlot()
    if (slot === NOTHING) return undefined
    const ring = this.#ring(slot)
    let earliest = Number.POSITIVE_INFINITY
    for (let seat = ring.after; seat !== ring; seat = seat.after) earliest = Math.min(earliest, seat.dueTick)
    return earliest
  }

  #take(seat: Seat): void {
    unlink(seat)
    this.size--
    if (seat.keepsProcessAlive) this.keepingAlive--
  }

  /** The level is that of the highest byte in which `tick` differs from the present, so a slot never holds two rounds. */
  #place(seat: Seat, tick: number): void {
    if (tick >= this.#horizon) {
      append(this.#beyond, seat)
      return
    }
    const level = (31 - Math.clz32((tick ^ this.#now) | 1)) >>> 3
    const slot = (level << 8) | ((tick >>> (level << 3)) & 255)
    const word = slot >>> 5
    this.#occupied[word]! |= 1 << (slot & 31)
    append(this.#ring(slot), seat)
  }

  /** Moves the present to the start of `slot`, deals its timers out to finer slots, and takes those due at this very tick. */
  #enter(slot: number, start: number): void {
    this.#moveTo(start)
    if (slot < SLOTS) {
      splice(this.#ring(slot), this.#firing)
      return
    }
    const dealt = new Seat(undefined)
    splice(this.#ring(slot), dealt)
    while (taken(dealt)) {
      const seat = dealt.after
      unlink(seat)
      if (seat.dueTick === start) append(this.#firing, seat)
      else this.#place(seat, seat.dueTick)
    }
  }

  #fireAll(at: number): void {
    const firing = this.#firing
    while (taken(firing)) {
      const seat = firing.after
      this.#take(seat)
      try {
        seat.timer?.fire(at)
      } catch (error) {
        this.#errors.push(error)
      }
    }
  }

  #rethrow(): never {
    const errors = this.#errors
    this.#errors = []
    throw errors.length === 1 ? errors[0] : new AggregateError(errors, `${errors.length} timers failed`)
  }

  /** The first slot that holds timers: at the finest level that has any, as each level ends before the next one begins. */
  #nextSlot(): number {
    if (this.size === 0) return NOTHING
    for (let level = 0; level < LEVELS; level++) {
      const from = (level << 8) | ((this.#now >>> (level << 3)) & 255)
      const slot = this.#occupiedAfter(from, (level + 1) << 8)
      if (slot !== NOTHING) return slot
    }
    return taken(this.#beyond) ? BEYOND : NOTHING
  }

  #occupiedAfter(slot: number, end: number): number {
    let candidate = slot + 1
    while (candidate < end) {
      const word = candidate >>> 5
      const bits = this.#occupied[word]! & (-1 << (candidate & 31))
      if (bits === 0) {
        candidate = (word + 1) << 5
        continue
      }
      candidate = (word << 5) | (31 - Math.clz32(bits & -bits))
      if (taken(this.#ring(candidate))) return candidate
      this.#occupied[word]! &= ~(1 << (candidate & 31))
    }
    return NOTHING
  }

  #startOf(slot: number): number {
    if (slot === BEYOND) return this.#horizon
    const width = 2 ** ((slot >>> 8) << 3)
    return this.#now - ((this.#now >>> 0) % (width * SLOTS)) + (slot & 255) * width
  }

  #moveTo(tick: number): void {
    this.#now = tick
    if (tick >= this.#horizon) this.#horizon = horizonOf(tick)
  }

  #ring(slot: number): Seat {
    return this.#slots[slot] ?? this.#beyond
  }
}

function horizonOf(tick: number): number {
  return tick - (tick >>> 0) + SPAN
}
