// Knows in the step of which fallback chain code is running, so that chains which ask each other come to an end.
import { AsyncLocalStorage } from 'node:async_hooks'
import type { Breaker } from '../breaker.ts'

/** A chain in whose step code is running. */
export interface Enclosing {
  readonly origin: Breaker
  readonly outer: Enclosing | undefined
  readonly depth: number
}

/** The chain in one of whose steps the present code runs. */
export function enclosingChain(): Enclosing | undefined {
  return running === 0 ? undefined : chains.getStore()
}

/** An outer chain is there because this service did not answer; it may not be asked to stand in for itself. */
export function isAnsweredFor(breaker: Breaker, enclosing: Enclosing | undefined): boolean {
  for (let chain = enclosing; chain !== undefined; chain = chain.outer) if (chain.origin === breaker) return true
  return false
}

const chains = new AsyncLocalStorage<Enclosing>()
let running = 0

/**
 * Runs a step so that calls made in it, at any depth, know whose chain they are in. Knowing costs every promise of the process
 * something on Node before 24, so it ends with the last chain.
 */
export async function within<T>(here: Enclosing, run: () => Promise<T>): Promise<T> {
  running++
  try {
    return await chains.run(here, run)
  } finally {
    if (--running === 0) chains.disable()
  }
}
