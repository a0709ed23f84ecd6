// Bounds the time until an answer's headers are there. The request gets a signal of its own, which the caller's signal is
// passed on to for as long as the request or its body lives, and no longer.
import type { Clock } from '../../model/clock.ts'
import { Timer } from '../../model/timerWheel.ts'

const collected = new FinalizationRegistry<() => void>((letGo) => letGo())

export class HeaderDeadline extends Timer {
  override readonly keepsProcessAlive = true
  readonly #controller = new AbortController()
  readonly #clock: Clock
  readonly #caller: AbortSignal | undefined
  readonly #onDue: () => unknown
  #passOnLoosely: (() => void) | undefined
  #reject: ((error: unknown) => void) | undefined

  /** `onDue` is called when the time is up, and returns the error of the request. */
  constructor(clock: Clock, caller: AbortSignal | undefined, onDue: () => unknown) {
    super()
    this.#clock = clock
    this.#caller = caller
    this.#onDue = onDue
  }

  /** For the fetch underneath. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** What `send` resolves to, if it does by `dueAt` (epoch ms). */
  bound(send: () => Promise<Response>, dueAt: number): Promise<Response> {
    this.#caller?.addEventListener('abort', this.#passOn)
    this.#clock.arm(this, dueAt)
    return new Promise((resolve, reject) => {
      this.#reject = reject
      send().then(
        (response) => {
          this.#clock.disarm(this)
          // Too late: nobody will read it.
          if (this.#controller.signal.aborted) response.body?.cancel().catch(() => undefined)
          resolve(response)
        },
        (error) => {
          this.#clock.disarm(this)
          this.release()
          reject(error)
        },
      )
    })
  }

  /** The body is done with: the caller's signal has nothing more to end. */
  release(): void {
    this.#caller?.removeEventListener('abort', this.#passOn)
    if (this.#passOnLoosely === undefined) return
    this.#caller?.removeEventListener('abort', this.#passOnLoosely)
    collected.unregister(this)
    this.#passOnLoosely = undefined
  }

  /**
   * Nobody looks after the body any more, and it may be read or collected, who knows when. From here on the caller's signal, which
   * may live for long, holds none of it; when it is collected, the signal is let go of.
   */
  loosen(): void {
    const caller = this.#caller
    if (caller === undefined || caller.aborted) return
    this.release()
    const self = new WeakRef(this)
    const passOn = (): void => {
      const deadline = self.deref()
      if (deadline !== undefined) deadline.#passOn()
    }
    this.#passOnLoosely = passOn
    caller.addEventListener('abort', passOn)
    collected.register(this, () => caller.removeEventListener('abort', passOn), this)
  }

  fire(): void {
    const error = this.#onDue()
    this.release()
    this.#reject?.(error)
    this.#controller.abort(error)
  }

  readonly #passOn = (): void => {
    this.#clock.disarm(this)
    this.release()
    this.#reject?.(this.#caller?.reason)
    this.#controller.abort(this.#caller?.reason)
  }
}
