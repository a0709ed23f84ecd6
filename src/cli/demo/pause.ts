// Waiting on a clock, for upstreams that are slow on purpose.
import type { Clock } from '../../model/clock.ts'
import { Due } from '../../model/timer.ts'

/** Resolves after `ms`; rejects with the signal's reason as soon as it is aborted, and leaves no timer behind. */
export function pause(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const wake = new Due(() => {
      signal?.removeEventListener('abort', abandon)
      resolve()
    })
    const abandon = (): void => {
      clock.disarm(wake)
      reject(signal?.reason)
    }
    signal?.addEventListener('abort', abandon, { once: true })
    clock.arm(wake, clock.now() + ms)
  })
}

/** Never resolves; rejects with the signal's reason once it is aborted. */
export function forever(signal?: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}
