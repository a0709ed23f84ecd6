// The bus within one process: an event is handed to its listeners at once, in the order in which they subscribed. A listener
// that throws harms neither the publisher nor the others.
import type { GearEvent, GearEventType } from '../model/records.ts'
import type { Bus, Listener } from './bus.ts'
import { warnOfThrown } from './thrownWarning.ts'

export interface MemoryBusOptions {
  /** Told what a listener threw. By default a process warning is emitted, once for each listener. */
  readonly onListenerError?: (error: unknown, event: GearEvent, listener: Listener) => void
}

/** One subscription; an object of its own, so that one function may listen twice and stop once. */
interface Subscription {
  readonly listener: Listener
  active: boolean
}

const NOBODY: readonly Subscription[] = []

export class MemoryBus implements Bus {
  /** The lists are replaced, never changed, so that a listener may come or go while an event is handed out. */
  readonly #byType = new Map<GearEventType, readonly Subscription[]>()
  #toAll: readonly Subscription[] = NOBODY
  /** Asked with every call: looking into a map takes a twentieth of one. */
  #hearsOutcomes = false
  #closed = false
  readonly #onListenerError: (error: unknown, event: GearEvent, listener: Listener) => void
  readonly #warned = new WeakSet<Listener>()

  constructor(options: MemoryBusOptions = {}) {
    this.#onListenerError = options.onListenerError ?? ((error, event, listener) => this.#warnOnce(error, event, listener))
  }

  publish(event: GearEvent): void {
    const subscriptions = this.#byType.get(event.type)
    const toAll = this.#toAll
    if (subscriptions !== undefined) this.#deliver(subscriptions, event)
    if (toAll.length > 0) this.#deliver(toAll, event)
  }

  wants(type: GearEventType): boolean {
    return this.#toAll.length > 0 || (type === 'outcome' ? this.#hearsOutcomes : this.#byType.has(type))
  }

  subscribe(type: GearEventType | '*', listener: Listener): () => void {
    if (this.#closed) return () => undefined
    const subscription: Subscription = { listener, active: true }
    this.#replace(type, [...this.#of(type), subscription])
    return () => {
      if (!subscription.active) return
      subscription.active = false
      this.#replace(
        type,
        this.#of(type).filter((other) => other !== subscription),
      )
    }
  }

  /** Lets go of every listener; what is published later reaches nobody. */
  async close(): Promise<void> {
    this.#closed = true
    for (const subscription of [...this.#toAll, ...[...this.#byType.values()].flat()]) subscription.active = false
    this.#byType.clear()
    this.#hearsOutcomes = false
    this.#toAll = NOBODY
  }

  #deliver(subscriptions: readonly Subscription[], event: GearEvent): void {
    for (const { listener, active } of subscriptions) {
      if (!active) continue
      try {
        listener(event)
      } catch (error) {
        this.#report(error, event, listener)
      }
    }
  }

  #report(error: unknown, event: GearEvent, listener: Listener): void {
    try {
      this.#onListenerError(error, event, listener)
    } catch (thrown) {
      this.#warnOnce(thrown, event, listener)
    }
  }

  #warnOnce(error: unknown, event: GearEvent, listener: Listener): void {
    if (this.#warned.has(listener)) return
    this.#warned.add(listener)
    warnOfThrown(`a listener for ${event.type}`, error)
  }

  #of(type: GearEventType | '*'): readonly Subscription[] {
    return type === '*' ? this.#toAll : (this.#byType.get(type) ?? NOBODY)
  }

  #replace(type: GearEventType | '*', subscriptions: readonly Subscription[]): void {
    if (type === '*') this.#toAll = subscriptions
    else if (subscriptions.length > 0) this.#byType.set(type, subscriptions)
    else this.#byType.delete(type)
    this.#hearsOutcomes = this.#byType.has('outcome')
  }
}
