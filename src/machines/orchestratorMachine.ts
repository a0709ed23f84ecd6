// The root of every board: it spawns a breaker for each service, hears their transitions, reviews and findings, and says what it
// wants of each by directives and permits. What it makes of an event is worked out in src/model/orchestrator/, pure and whole;
// the regions show how the system is, and whether it recovers.
import { NEVER } from 'rxjs'
import { type AnyActorRef, assertEvent, enqueueActions, fromEventObservable, setup } from 'xstate'
import type { OrchestratorConfig, SystemState } from '../model/orchestrator/config.ts'
import {
  type Effect,
  initialContext,
  type Judgement,
  type OrchestratorContext,
  type SupervisorEvent,
} from '../model/orchestrator/context.ts'
import { supervise } from '../model/orchestrator/supervise.ts'
import type { BreakerPolicy } from '../model/policy.ts'
import { breakerMachine } from './breakerMachine.ts'

export interface OrchestratorInput {
  /** Undefined: nothing is coordinated, and who is ready to probe may. */
  readonly config?: OrchestratorConfig | undefined
  /** Epoch ms. */
  readonly at: number
}

export type OrchestratorEvent =
  | Exclude<SupervisorEvent, { type: 'breaker.added' | 'breaker.removed' }>
  | {
      readonly type: 'breaker.added'
      readonly at: number
      readonly service: string
      readonly policy: BreakerPolicy
      /** Seed of the breaker's jitter. */
      readonly seed: number
    }
  | { readonly type: 'breaker.removed'; readonly at: number; readonly service: string }
  | { readonly type: 'board.stopped'; readonly at: number }
  | Judgement

export const orchestratorMachine = setup({
  types: {
    context: {} as OrchestratorContext,
    events: {} as OrchestratorEvent,
    emitted: {} as Effect,
    input: {} as OrchestratorInput,
  },
  actors: {
    breaker: breakerMachine,
    /** Finds patterns in failures; a live board's. A replay hears what it found from the journal. */
    correlator: fromEventObservable<OrchestratorEvent, undefined>(() => NEVER),
  },
  guards: {
    turns: ({ event }, { to }: { to: SystemState }) => event.type === 'system.judged' && event.to === to,
    recovers: ({ event }) => event.type === 'system.judged' && event.recovering > 0,
    hasRecovered: ({ event }) => event.type === 'system.judged' && event.recovering === 0,
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
    stopBreakers: enqueueActions(({ enqueue, context, system }) => {
      // The newest first: XState copies its children at each, and V8 copies them ten times as slowly once an older one is missing.
      const { services } = context
      for (const service of Object.keys(services).reverse()) enqueue.stopChild(system.get(service))
      const all: Readonly<Record<string, AnyActorRef | undefined>> = system.getAll()
      for (const [name, ofKey] of Object.entries(all)) if (ofKey && !Object.hasOwn(services, name)) enqueue.stopChild(ofKey)
    }),
    supervise: enqueueActions(({ enqueue, context, event }) => {
      if (event.type === 'board.stopped' || event.type === 'system.judged') return
      // Breakers of keys come and go by the thousand, and it is nobody else's business.
      if (event.type === 'breaker.removed' && !Object.hasOwn(context.services, event.service)) return
      const { context: next, effects, judgement } = supervise(context, event)
      enqueue.assign(next)
      for (const effect of effects) enqueue.emit(effect)
      if (judgement) enqueue.raise(judgement)
    }),
  },
}).createMachine({
  id: 'orchestrator',
  context: ({ input }) => initialContext(input.config, input.at),
  initial: 'supervising',
  states: {
    supervising: {
      description: 'Breakers hang on the board; what they do is coordinated.',
      invoke: { id: '*correlator', src: 'correlator' },
      on: {
        'breaker.added': { actions: ['spawnBreaker', 'supervise'] },
        'breaker.removed': { actions: ['stopBreaker', 'supervise'] },
        'breaker.moved': { actions: 'supervise' },
        'directive.heard': { actions: 'supervise' },
        'command.given': { actions: 'supervise' },
        'finding.made': { actions: 'supervise' },
        review: { actions: 'supervise' },
        restore: { actions: 'supervise' },
        'board.stopped': { target: 'stopped', actions: 'stopBreakers' },
      },
      type: 'parallel',
      states: {
        system: {
          description: 'How the system as a whole is.',
          initial: 'healthy',
          states: {
            healthy: {
              description: 'Every service is closed, or so nearly all that the system is well.',
              on: {
                'system.judged': [
                  { guard: { type: 'turns', params: { to: 'degraded' } }, target: 'degraded' },
                  { guard: { type: 'turns', params: { to: 'critical' } }, target: 'critical' },
                  { guard: { type: 'turns', params: { to: 'emergency' } }, target: 'emergency' },
                ],
              },
            },
            degraded: {
              description: 'A service is open, or half of them are degraded.',
              on: {
                'system.judged': [
                  { guard: { type: 'turns', params: { to: 'healthy' } }, target: 'healthy' },
                  { guard: { type: 'turns', params: { to: 'critical' } }, target: 'critical' },
                  { guard: { type: 'turns', params: { to: 'emergency' } }, target: 'emergency' },
                ],
              },
            },
            critical: {
              description: 'Half of the services are open, or more.',
              on: {
                'system.judged': [
                  { guard: { type: 'turns', params: { to: 'healthy' } }, target: 'healthy' },
                  { guard: { type: 'turns', params: { to: 'degraded' } }, target: 'degraded' },
                  { guard: { type: 'turns', params: { to: 'emergency' } }, target: 'emergency' },
                ],
              },
            },
            emergency: {
              description:
                'The health score is below its floor, or several critical services are open. What is left is kept for critical services; recoveries go one at a time.',
              on: {
                'system.judged': [
                  {
                    description: 'Health has returned, or half an hour has passed and a fresh look finds less.',
                    guard: { type: 'turns', params: { to: 'healthy' } },
                    target: 'healthy',
                  },
                  { guard: { type: 'turns', params: { to: 'degraded' } }, target: 'degraded' },
                  { guard: { type: 'turns', params: { to: 'critical' } }, target: 'critical' },
                ],
              },
            },
          },
        },
        recovery: {
          description: 'Whether services are coming back.',
          initial: 'idle',
          states: {
            idle: {
              description: 'Nobody probes, and nobody waits to.',
              on: { 'system.judged': { guard: 'recovers', target: 'recovering' } },
            },
            recovering: {
              description:
                'Services probe, or wait for their turn: dependencies before dependents, then by priority, only so many at once.',
              on: { 'system.judged': { guard: 'hasRecovered', target: 'idle' } },
            },
          },
        },
      },
    },
    stopped: {
      description: 'The board is switched off, and its breakers with it.',
      type: 'final',
    },
  },
})
