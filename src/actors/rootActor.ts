// The root actor of a board: the orchestrator's machine at work, with the breakers as its children and the correlator as what it
// listens to. What it wants done it says by effects. Used by the board.

import { isDeepStrictEqual } from 'node:util'
import { concat, concatMap, Observable, of } from 'rxjs'
import { createActor, fromEventObservable, type InspectionEvent, type Observer } from 'xstate'
import { warnOfThrown } from '../bus/thrownWarning.ts'
import { type BreakerInput, breakerMachine } from '../machines/breakerMachine.ts'
import { type OrchestratorEvent, orchestratorMachine } from '../machines/orchestratorMachine.ts'
import type { OrchestratorConfig } from '../model/orchestrator/config.ts'
import { type Effect, isUseless, type Moved, type OrchestratorContext } from '../model/orchestrator/context.ts'
import { rootsOf } from '../model/orchestrator/graph.ts'
import type { Review } from '../model/orchestrator/review.ts'
import { isQuiet, supervise } from '../model/orchestrator/supervise.ts'
import type { BreakerRef } from './breaker.ts'
import type { Correlator } from './correlator.ts'
import { isKeyed } from './keyedName.ts'

type Inspector = Observer<InspectionEvent> | ((event: InspectionEvent) => void)

export interface RootOptions {
  /** How the services are coordinated; absent: not at all, as in journals from before. */
  readonly orchestrator?: OrchestratorConfig | undefined
  /** Looks for patterns in failures; a live board's. */
  readonly correlator?: Correlator | undefined
  readonly inspect?: Inspector | undefined
}

export interface RootHost {
  /** Told what the root wants done, in the order in which it wants it. */
  carryOut(effect: Effect): void
  /** Lets listeners hear what came of an event that nobody but the root has seen. */
  deliver(): void
}

export class RootActor {
  readonly #actor
  /** What it knew when the board was switched off. */
  #last: OrchestratorContext | undefined
  #isTelling = false
  /** Moves of breakers that do as they are told: heard when all have been told, and looked at together. */
  #echoes: Moved[] = []

  constructor({ correlator, orchestrator, inspect }: RootOptions, at: number, host: RootHost) {
    const machine = correlator
      ? orchestratorMachine.provide({
          actors: {
            correlator: fromEventObservable<OrchestratorEvent, undefined>(() =>
              heard(correlator.findings$, () => {
                this.#hearEchoes()
                host.deliver()
              }),
            ),
          },
        })
      : orchestratorMachine
    this.#actor = createActor(machine, {
      id: 'switchgear',
      input: { config: orchestrator, at },
      ...(inspect ? { inspect: shielded(inspect) } : undefined),
    })
    this.#actor.on('*', (effect) => {
      // When the board is switched off, nobody is there to do it.
      if (this.#last) return
      this.#isTelling = true
      try {
        host.carryOut(effect)
      } finally {
        this.#isTelling = false
      }
    })
    this.#actor.start()
  }

  get context(): OrchestratorContext {
    return this.#last ?? this.#actor.getSnapshot().context
  }

  send(event: OrchestratorEvent): void {
    if (this.#isTelling && event.type === 'breaker.moved' && !isKeyed(event.service)) {
      this.#echoes.push(event)
      return
    }
    this.#actor.send(event)
    this.#hearEchoes()
  }

  #hearEchoes(): void {
    while (this.#echoes.length > 0) {
      const echoes = this.#echoes
      this.#echoes = []
      const last = echoes.pop()!
      this.#actor.send({ ...last, others: echoes })
    }
  }

  /**
   * It spawns the breakers of services. Those of keys come and go by the thousand: they are its children all the same, in one
   * system with it, but not in its snapshot, which XState copies whenever a child in it comes or goes.
   */
  startBreaker(input: BreakerInput): BreakerRef {
    const { service } = input
    if (isKeyed(service)) {
      return createActor(breakerMachine, { parent: this.#actor, id: service, systemId: service, input }).start()
    }
    this.#actor.send({ type: 'breaker.added', ...input })
    const ref = this.#actor.getSnapshot().children[service] as BreakerRef | undefined
    if (!ref) throw new Error(`the breaker of ${service} was not started`)
    return ref
  }

  /** Whether a review says anything: only then is it an input, and recorded. */
  heeds(review: Review): boolean {
    const before = this.context
    const { context, effects } = supervise(before, review)
    if (effects.length > 0) return true
    return !(isQuiet(before, review.at) && isQuiet(context, review.at)) && !isDeepStrictEqual(before, context)
  }

  /** The service at the bottom of what is down beneath `service`, if there is one. */
  rootOf(service: string): string | undefined {
    const { config, services } = this.context
    if (!config) return undefined
    const away = (name: string): boolean => Object.hasOwn(services, name) && isUseless(services[name]!.path)
    const [root] = rootsOf(config.places, service, away)
    return root === service ? undefined : root
  }

  /** From now on it wants nothing, and knows what it knew. */
  retire(): void {
    this.#last = this.context
  }

  stop(at: number): void {
    if (this.#actor.getSnapshot().status === 'active') this.#actor.send({ type: 'board.stopped', at })
    this.#actor.stop()
  }
}

/** `events$`, with `then` called when each has been worked off. */
function heard<T>(events$: Observable<T>, then: () => void): Observable<T> {
  const after$ = new Observable<never>((subscriber) => {
    then()
    subscriber.complete()
  })
  return events$.pipe(concatMap((event) => concat(of(event), after$)))
}

/** XState calls its inspectors in the middle of a step; one that throws would take the breaker's call down with it. */
function shielded(inspect: Inspector): (event: InspectionEvent) => void {
  let warned = false
  return (event) => {
    try {
      if (typeof inspect === 'function') inspect(event)
      else inspect.next?.(event)
    } catch (error) {
      if (warned) return
      warned = true
      warnOfThrown('the inspector', error)
    }
  }
}
