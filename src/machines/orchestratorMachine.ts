// The root of every board: it spawns a breaker for each service, hears their transitions, and grants permits to probe.
import { type AnyActorRef, assertEvent, enqueueActions, setup } from 'xstate'
import type { BreakerPolicy } from '../model/policy.ts'
import type { StatePath } from '../model/states.ts'
import { breakerMachine } from './breakerMachine.ts'

export type OrchestratorEvent =
  | {
      readonly type: 'breaker.added'
      readonly at: number
      readonly service: string
      readonly policy: BreakerPolicy
      /** Seed of the breaker's jitter. */
      readonly seed: number
    }
  | { readonly type: 'breaker.removed'; readonly at: number; readonly service: string }
  | { readonly type: 'breaker.moved'; readonly at: number; readonly service: string; readonly to: StatePath }
  | { readonly type: 'board.stopped'; readonly at: number }

export const orchestratorMachine = setup({
  types: { events: {} as OrchestratorEvent },
  actors: { breaker: breakerMachine },
  guards: {
    asksForPermit: ({ event }) => event.type === 'breaker.moved' && event.to === 'open.awaitingPermit',
  },
  actions: {
    spawnBreaker: enqueueActions(({ enqueue, event }) => {
      assertEvent(event, 'breaker.added')
      const { service, policy, seed, at } = event
      enqueue.spawnChild('breaker', { id: service, systemId: service, input: { service, policy, seed, at } })
    }),
    stopBreaker: enqueueActions(({ enqueue, event, system }) => {
      assertEvent(event, 'breaker.removed')
      const breaker: AnyActorRef | undefined = system.get(event.service)
      if (breaker) enqueue.stopChild(breaker)
    }),
    grantPermit: enqueueActions(({ enqueue, event, system }) => {
      assertEvent(event, 'breaker.moved')
      const breaker: AnyActorRef | undefined = system.get(event.service)
      if (breaker) enqueue.sendTo(breaker, { type: 'permit.granted', at: event.at })
    }),
  },
}).createMachine({
  id: 'orchestrator',
  initial: 'supervising',
  states: {
    supervising: {
      description: 'Breakers hang on the board; whoever is ready to probe may.',
      on: {
        'breaker.added': { actions: 'spawnBreaker' },
        'breaker.removed': { actions: 'stopBreaker' },
        'breaker.moved': { guard: 'asksForPermit', actions: 'grantPermit' },
        'board.stopped': { target: 'stopped' },
      },
    },
    stopped: {
      description: 'The board is switched off, and its breakers with it.',
      type: 'final',
    },
  },
})
