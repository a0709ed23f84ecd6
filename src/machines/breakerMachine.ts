// The breaker's statechart: seven states, each named as operators name them. It decides; everything else obeys.
// Where an event leads is settled by the conditions that stand after it (src/model/breaker/), gravest first, so every guard
// asks one question: does this event lead there?
import { assign, setup } from 'xstate'
import { after, pathAfter } from '../model/breaker/after.ts'
import type { BreakerContext } from '../model/breaker/context.ts'
import { enter, note } from '../model/breaker/enter.ts'
import type { BreakerEvent } from '../model/breaker/events.ts'
import type { BreakerPolicy } from '../model/policy.ts'
import type { StatePath } from '../model/states.ts'

export interface BreakerInput {
  readonly service: string
  readonly policy: BreakerPolicy
  /** Seed of the jitter. */
  readonly seed: number
  /** When the breaker is hung on the board, epoch ms. */
  readonly at: number
}

export const breakerMachine = setup({
  types: {
    context: {} as BreakerContext,
    events: {} as BreakerEvent,
    input: {} as BreakerInput,
  },
  guards: {
    leadsTo: ({ context, event }, { to }: { to: StatePath }) => context.spell.in !== to && pathAfter(context, event) === to,
    wasIn: ({ event }, { path }: { path: StatePath }) => event.type === 'restore' && event.saved.spell.in === path,
    notHeld: ({ context }) => context.standing.directive?.hold !== true,
    liftsHold: ({ context, event }) =>
      context.standing.directive?.hold === true && after(context, event).standing.directive?.hold !== true,
  },
  actions: {
    enter: assign(({ context, event }, { path }: { path: StatePath }) =>
      isBreakerEvent(event) ? enter(context, event, path) : context,
    ),
    note: assign(({ context, event }) => note(context, event)),
  },
}).createMachine({
  id: 'breaker',
  context: ({ input }) => ({
    service: input.service,
    policy: input.policy,
    random: input.seed,
    generation: 0,
    countsFrom: 0,
    standing: {},
    spell: { in: 'closed.watching', since: input.at },
    openings: 0,
    closedSince: input.at - input.policy.stableAfter,
    outageSince: undefined,
    notBefore: undefined,
    directiveEpoch: -1,
    nextProbe: 1,
    reason: 'created',
  }),
  initial: 'closed',
  states: {
    closed: {
      description: 'Calls pass. Failures, slow calls and signals are counted.',
      initial: 'watching',
      on: {
        'call.failed': [
          { guard: { type: 'leadsTo', params: { to: 'open.cooling' } }, target: 'open.cooling' },
          { guard: { type: 'leadsTo', params: { to: 'budgetLimited.blocked' } }, target: 'budgetLimited.blocked' },
          { guard: { type: 'leadsTo', params: { to: 'rateLimited.exhausted' } }, target: 'rateLimited.exhausted' },
          { guard: { type: 'leadsTo', params: { to: 'rateLimited.paced' } }, target: 'rateLimited.paced' },
          { guard: { type: 'leadsTo', params: { to: 'degraded.level1' } }, target: 'degraded.level1' },
          { actions: 'note' },
        ],
        'calls.stalled': [{ guard: { type: 'leadsTo', params: { to: 'open.cooling' } }, target: 'open.cooling' }],
        'fleet.tripped': [{ guard: { type: 'leadsTo', params: { to: 'open.cooling' } }, target: 'open.cooling' }],
        'call.succeeded': [
          {
            description: 'A success can complete the minimum of calls that a rate waits for.',
            guard: { type: 'leadsTo', params: { to: 'open.cooling' } },
            target: 'open.cooling',
          },
          { guard: { type: 'leadsTo', params: { to: 'degraded.level1' } }, target: 'degraded.level1' },
        ],
        'latency.rose': [{ guard: { type: 'leadsTo', params: { to: 'degraded.level1' } }, target: 'degraded.level1' }],
        'health.changed': [
          { guard: { type: 'leadsTo', params: { to: 'degraded.level3' } }, target: 'degraded.level3' },
          { guard: { type: 'leadsTo', params: { to: 'degraded.level2' } }, target: 'degraded.level2' },
          { guard: { type: 'leadsTo', params: { to: 'degraded.level1' } }, target: 'degraded.level1' },
          { actions: 'note' },
        ],
        'directive.set': [
          { guard: { type: 'leadsTo', params: { to: 'degraded.level3' } }, target: 'degraded.level3' },
          { guard: { type: 'leadsTo', params: { to: 'degraded.level2' } }, target: 'degraded.level2' },
          { guard: { type: 'leadsTo', params: { to: 'degraded.level1' } }, target: 'degraded.level1' },
          { actions: 'note' },
        ],
      },
      states: {
        watching: {
          description: 'All calls pass; the window watches.',
          entry: { type: 'enter', params: { path: 'closed.watching' } },
        },
        ramping: {
          description: 'Just recovered: a share of the calls passes, growing to all.',
          entry: { type: 'enter', params: { path: 'closed.ramping' } },
          on: { 'timer.ramped': { target: 'watching' } },
        },
        bypassed: {
          description: 'Disabled by an operator: all calls pass and are measured; nothing trips.',
          entry: { type: 'enter', params: { path: 'closed.bypassed' } },
          on: {
            'call.failed': {},
            'calls.stalled': {},
            'fleet.tripped': {},
            'call.succeeded': {},
            'latency.rose': {},
            'command.enable': [
              { guard: { type: 'leadsTo', params: { to: 'open.cooling' } }, target: '#breaker.open.cooling' },
              { guard: { type: 'leadsTo', params: { to: 'open.awaitingPermit' } }, target: '#breaker.open.awaitingPermit' },
              { guard: { type: 'leadsTo', params: { to: 'budgetLimited.blocked' } }, target: '#breaker.budgetLimited.blocked' },
              {
                guard: { type: 'leadsTo', params: { to: 'budgetLimited.throttled' } },
                target: '#breaker.budgetLimited.throttled',
              },
              { guard: { type: 'leadsTo', params: { to: 'rateLimited.exhausted' } }, target: '#breaker.rateLimited.exhausted' },
              { guard: { type: 'leadsTo', params: { to: 'rateLimited.paced' } }, target: '#breaker.rateLimited.paced' },
              { guard: { type: 'leadsTo', params: { to: 'degraded.level3' } }, target: '#breaker.degraded.level3' },
              { guard: { type: 'leadsTo', params: { to: 'degraded.level2' } }, target: '#breaker.degraded.level2' },
              { guard: { type: 'leadsTo', params: { to: 'degraded.level1' } }, target: '#breaker.degraded.level1' },
              { target: 'watching' },
            ],
          },
        },
      },
    },
    open: {
      description: 'No calls pass: the service is failing, or an operator has tripped the breaker.',
      initial: 'cooling',
      states: {
        cooling: {
          description: 'Left alone until the deadline.',
          entry: { type: 'enter', params: { path: 'open.cooling' } },
          on: { 'timer.cooled': { target: 'awaitingPermit' } },
        },
        awaitingPermit: {
          description:
            'Ready to probe, waiting for the orchestrator to permit it; without a word from there it probes by itself.',
          entry: { type: 'enter', params: { path: 'open.awaitingPermit' } },
          on: {
            'permit.granted': { guard: 'notHeld', target: '#breaker.halfOpen' },
            'timer.permitOverdue': { guard: 'notHeld', target: '#breaker.halfOpen' },
            'directive.set': [
              {
                description: 'The permit it was refused while a directive held it is not asked for again.',
                guard: 'liftsHold',
                target: '#breaker.halfOpen',
              },
              { actions: 'note' },
            ],
            'timer.directiveExpired': [{ guard: 'liftsHold', target: '#breaker.halfOpen' }, { actions: 'note' }],
          },
        },
        forced: {
          description: 'Tripped by an operator; only an operator lets it go.',
          entry: { type: 'enter', params: { path: 'open.forced' } },
        },
      },
    },
    halfOpen: {
      description: 'A few probes pass, in rounds; they decide whether the service is back.',
      entry: { type: 'enter', params: { path: 'halfOpen' } },
      on: {
        'probe.admitted': { actions: 'note' },
        'call.ignored': { actions: 'note' },
        'call.succeeded': [
          { guard: { type: 'leadsTo', params: { to: 'budgetLimited.blocked' } }, target: 'budgetLimited.blocked' },
          { guard: { type: 'leadsTo', params: { to: 'budgetLimited.throttled' } }, target: 'budgetLimited.throttled' },
          { guard: { type: 'leadsTo', params: { to: 'rateLimited.exhausted' } }, target: 'rateLimited.exhausted' },
          { guard: { type: 'leadsTo', params: { to: 'rateLimited.paced' } }, target: 'rateLimited.paced' },
          { guard: { type: 'leadsTo', params: { to: 'degraded.level3' } }, target: 'degraded.level3' },
          { guard: { type: 'leadsTo', params: { to: 'degraded.level2' } }, target: 'degraded.level2' },
          { guard: { type: 'leadsTo', params: { to: 'degraded.level1' } }, target: 'degraded.level1' },
          { guard: { type: 'leadsTo', params: { to: 'closed.ramping' } }, target: 'closed.ramping' },
          { guard: { type: 'leadsTo', params: { to: 'closed.watching' } }, target: 'closed.watching' },
          { guard: { type: 'leadsTo', params: { to: 'open.cooling' } }, target: 'open.cooling' },
          { actions: 'note' },
        ],
        'call.failed': [
          { guard: { type: 'leadsTo', params: { to: 'open.cooling' } }, target: 'open.cooling' },
          {
            description: 'It failed for its price or its quality, but it answered, and that completed the round.',
            guard: { type: 'leadsTo', params: { to: 'budgetLimited.blocked' } },
            target: 'budgetLimited.blocked',
          },
          { guard: { type: 'leadsTo', params: { to: 'budgetLimited.throttled' } }, target: 'budgetLimited.throttled' },
          { guard: { type: 'leadsTo', params: { to: 'rateLimited.exhausted' } }, target: 'rateLimited.exhausted' },
          { guard: { type: 'leadsTo', params: { to: 'rateLimited.paced' } }, target: 'rateLimited.paced' },
          { guard: { type: 'leadsTo', params: { to: 'degraded.level3' } }, target: 'degraded.level3' },
          { guard: { type: 'leadsTo', params: { to: 'degraded.level2' } }, target: 'degraded.level2' },
          { guard: { type: 'leadsTo', params: { to: 'degraded.level1' } }, target: 'degraded.level1' },
          { guard: { type: 'leadsTo', params: { to: 'closed.ramping' } }, target: 'closed.ramping' },
          { guard: { type: 'leadsTo', params: { to: 'closed.watching' } }, target: 'closed.watching' },
          { actions: 'note' },
        ],
        'timer.probeOverdue': [
          { guard: { type: 'leadsTo', params: { to: 'open.cooling' } }, target: 'open.cooling' },
          {
            description: 'Enough had succeeded already: the policy was changed meanwhile and asks for fewer.',
            guard: { type: 'leadsTo', params: { to: 'budgetLimited.blocked' } },
            target: 'budgetLimited.blocked',
          },
          { guard: { type: 'leadsTo', params: { to: 'budgetLimited.throttled' } }, target: 'budgetLimited.throttled' },
          { guard: { type: 'leadsTo', params: { to: 'rateLimited.exhausted' } }, target: 'rateLimited.exhausted' },
          { guard: { type: 'leadsTo', params: { to: 'rateLimited.paced' } }, target: 'rateLimited.paced' },
          { guard: { type: 'leadsTo', params: { to: 'degraded.level3' } }, target: 'degraded.level3' },
          { guard: { type: 'leadsTo', params: { to: 'degraded.level2' } }, target: 'degraded.level2' },
          { guard: { type: 'leadsTo', params: { to: 'degraded.level1' } }, target: 'degraded.level1' },
          { guard: { type: 'leadsTo', params: { to: 'closed.ramping' } }, target: 'closed.ramping' },
          { guard: { type: 'leadsTo', params: { to: 'closed.watching' } }, target: 'closed.watching' },
          { actions: 'note' },
        ],
        'timer.roundOverdue': [
          { guard: { type: 'leadsTo', params: { to: 'open.cooling' } }, target: 'open.cooling' },
          {
            description: 'Too few calls to finish the round, but every one of them was answered well.',
            guard: { type: 'leadsTo', params: { to: 'budgetLimited.blocked' } },
            target: 'budgetLimited.blocked',
          },
          { guard: { type: 'leadsTo', params: { to: 'budgetLimited.throttled' } }, target: 'budgetLimited.throttled' },
          { guard: { type: 'leadsTo', params: { to: 'rateLimited.exhausted' } }, target: 'rateLimited.exhausted' },
          { guard: { type: 'leadsTo', params: { to: 'rateLimited.paced' } }, target: 'rateLimited.paced' },
          { guard: { type: 'leadsTo', params: { to: 'degraded.level3' } }, target: 'degraded.level3' },
          { guard: { type: 'leadsTo', params: { to: 'degraded.level2' } }, target: 'degraded.level2' },
          { guard: { type: 'leadsTo', params: { to: 'degraded.level1' } }, target: 'degraded.level1' },
          { guard: { type: 'leadsTo', params: { to: 'closed.ramping' } }, target: 'closed.ramping' },
          { guard: { type: 'leadsTo', params: { to: 'closed.watching' } }, target: 'closed.watching' },
        ],
      },
    },
    degraded: {
      description: 'The service is not well, or others need it to do less: calls pass with less asked of it.',
      initial: 'level1',
      on: {
        'call.failed': [
          { guard: { type: 'leadsTo', params: { to: 'open.cooling' } }, target: 'open.cooling' },
          { guard: { type: 'leadsTo', params: { to: 'budgetLimited.blocked' } }, target: 'budgetLimited.blocked' },
          { guard: { type: 'leadsTo', params: { to: 'rateLimited.exhausted' } }, target: 'rateLimited.exhausted' },
          { guard: { type: 'leadsTo', params: { to: 'rateLimited.paced' } }, target: 'rateLimited.paced' },
          { actions: 'note' },
        ],
        'calls.stalled': [{ guard: { type: 'leadsTo', params: { to: 'open.cooling' } }, target: 'open.cooling' }],
        'fleet.tripped': [{ guard: { type: 'leadsTo', params: { to: 'open.cooling' } }, target: 'open.cooling' }],
        'call.succeeded': [{ guard: { type: 'leadsTo', params: { to: 'open.cooling' } }, target: 'open.cooling' }],
        'latency.rose': { actions: 'note' },
        'health.changed': [
          { guard: { type: 'leadsTo', params: { to: 'degraded.level3' } }, target: '.level3' },
          { guard: { type: 'leadsTo', params: { to: 'degraded.level2' } }, target: '.level2' },
          { guard: { type: 'leadsTo', params: { to: 'degraded.level1' } }, target: '.level1' },
          { guard: { type: 'leadsTo', params: { to: 'closed.watching' } }, target: 'closed.watching' },
          { actions: 'note' },
        ],
        'directive.set': [
          { guard: { type: 'leadsTo', params: { to: 'degraded.level3' } }, target: '.level3' },
          { guard: { type: 'leadsTo', params: { to: 'degraded.level2' } }, target: '.level2' },
          { guard: { type: 'leadsTo', params: { to: 'degraded.level1' } }, target: '.level1' },
          { guard: { type: 'leadsTo', params: { to: 'closed.watching' } }, target: 'closed.watching' },
          { actions: 'note' },
        ],
        'timer.directiveExpired': [
          { guard: { type: 'leadsTo', params: { to: 'degraded.level2' } }, target: '.level2' },
          { guard: { type: 'leadsTo', params: { to: 'degraded.level1' } }, target: '.level1' },
          { guard: { type: 'leadsTo', params: { to: 'closed.watching' } }, target: 'closed.watching' },
          { actions: 'note' },
        ],
        'timer.recovered': [
          {
            description: 'Well for the whole of recoverAfter: one level down.',
            guard: { type: 'leadsTo', params: { to: 'degraded.level2' } },
            target: '.level2',
          },
          { guard: { type: 'leadsTo', params: { to: 'degraded.level1' } }, target: '.level1' },
          { guard: { type: 'leadsTo', params: { to: 'closed.watching' } }, target: 'closed.watching' },
          { actions: 'note' },
        ],
      },
      states: {
        level1: {
          description: 'Slightly less is asked of the service.',
          entry: { type: 'enter', params: { path: 'degraded.level1' } },
        },
        level2: {
          description: 'Clearly less is asked of the service.',
          entry: { type: 'enter', params: { path: 'degraded.level2' } },
        },
        level3: {
          description: 'The least that is still worth having.',
          entry: { type: 'enter', params: { path: 'degraded.level3' } },
        },
      },
    },
    rateLimited: {
      description: 'The service limits us.',
      initial: 'paced',
      on: {
        'timer.limitReset': [
          { guard: { type: 'leadsTo', params: { to: 'degraded.level3' } }, target: 'degraded.level3' },
          { guard: { type: 'leadsTo', params: { to: 'degraded.level2' } }, target: 'degraded.level2' },
          { guard: { type: 'leadsTo', params: { to: 'degraded.level1' } }, target: 'degraded.level1' },
          { guard: { type: 'leadsTo', params: { to: 'closed.watching' } }, target: 'closed.watching' },
        ],
        'limit.cleared': [
          { guard: { type: 'leadsTo', params: { to: 'degraded.level3' } }, target: 'degraded.level3' },
          { guard: { type: 'leadsTo', params: { to: 'degraded.level2' } }, target: 'degraded.level2' },
          { guard: { type: 'leadsTo', params: { to: 'degraded.level1' } }, target: 'degraded.level1' },
          { guard: { type: 'leadsTo', params: { to: 'closed.watching' } }, target: 'closed.watching' },
        ],
      },
      states: {
        paced: {
          description: 'Calls pass at the rate the service leaves us.',
          entry: { type: 'enter', params: { path: 'rateLimited.paced' } },
          on: {
            'call.failed': [
              { guard: { type: 'leadsTo', params: { to: 'open.cooling' } }, target: '#breaker.open.cooling' },
              { guard: { type: 'leadsTo', params: { to: 'budgetLimited.blocked' } }, target: '#breaker.budgetLimited.blocked' },
              { guard: { type: 'leadsTo', params: { to: 'rateLimited.exhausted' } }, target: 'exhausted' },
              { actions: 'note' },
            ],
            'calls.stalled': [{ guard: { type: 'leadsTo', params: { to: 'open.cooling' } }, target: '#breaker.open.cooling' }],
            'fleet.tripped': [{ guard: { type: 'leadsTo', params: { to: 'open.cooling' } }, target: '#breaker.open.cooling' }],
            'call.succeeded': [{ guard: { type: 'leadsTo', params: { to: 'open.cooling' } }, target: '#breaker.open.cooling' }],
          },
        },
        exhausted: {
          description: 'The quota is gone; no calls pass until it is renewed.',
          entry: { type: 'enter', params: { path: 'rateLimited.exhausted' } },
          on: {
            'timer.limitReset': [
              {
                description: 'A rate limit was met meanwhile and outlasts it.',
                guard: { type: 'leadsTo', params: { to: 'rateLimited.paced' } },
                target: 'paced',
              },
              { guard: { type: 'leadsTo', params: { to: 'degraded.level3' } }, target: '#breaker.degraded.level3' },
              { guard: { type: 'leadsTo', params: { to: 'degraded.level2' } }, target: '#breaker.degraded.level2' },
              { guard: { type: 'leadsTo', params: { to: 'degraded.level1' } }, target: '#breaker.degraded.level1' },
              { guard: { type: 'leadsTo', params: { to: 'closed.watching' } }, target: '#breaker.closed.watching' },
            ],
          },
        },
      },
    },
    budgetLimited: {
      description: 'A budget rule holds calls back; emergency overrides pass where the rule allows them.',
      initial: 'throttled',
      on: {
        'timer.budgetRolledOver': [
          {
            description: 'The gravest of its rules ended; another stands.',
            guard: { type: 'leadsTo', params: { to: 'budgetLimited.throttled' } },
            target: '.throttled',
          },
          { guard: { type: 'leadsTo', params: { to: 'rateLimited.exhausted' } }, target: 'rateLimited.exhausted' },
          { guard: { type: 'leadsTo', params: { to: 'rateLimited.paced' } }, target: 'rateLimited.paced' },
          { guard: { type: 'leadsTo', params: { to: 'degraded.level3' } }, target: 'degraded.level3' },
          { guard: { type: 'leadsTo', params: { to: 'degraded.level2' } }, target: 'degraded.level2' },
          { guard: { type: 'leadsTo', params: { to: 'degraded.level1' } }, target: 'degraded.level1' },
          { guard: { type: 'leadsTo', params: { to: 'closed.watching' } }, target: 'closed.watching' },
          { actions: 'note' },
        ],
        'budget.cleared': [
          { guard: { type: 'leadsTo', params: { to: 'budgetLimited.throttled' } }, target: '.throttled' },
          { guard: { type: 'leadsTo', params: { to: 'rateLimited.exhausted' } }, target: 'rateLimited.exhausted' },
          { guard: { type: 'leadsTo', params: { to: 'rateLimited.paced' } }, target: 'rateLimited.paced' },
          { guard: { type: 'leadsTo', params: { to: 'degraded.level3' } }, target: 'degraded.level3' },
          { guard: { type: 'leadsTo', params: { to: 'degraded.level2' } }, target: 'degraded.level2' },
          { guard: { type: 'leadsTo', params: { to: 'degraded.level1' } }, target: 'degraded.level1' },
          { guard: { type: 'leadsTo', params: { to: 'closed.watching' } }, target: 'closed.watching' },
          { actions: 'note' },
        ],
      },
      states: {
        throttled: {
          description: "Calls pass in the share that the budget's rule leaves.",
          entry: { type: 'enter', params: { path: 'budgetLimited.throttled' } },
          on: {
            'call.failed': [
              { guard: { type: 'leadsTo', params: { to: 'open.cooling' } }, target: '#breaker.open.cooling' },
              { guard: { type: 'leadsTo', params: { to: 'budgetLimited.blocked' } }, target: 'blocked' },
              { actions: 'note' },
            ],
            'calls.stalled': [{ guard: { type: 'leadsTo', params: { to: 'open.cooling' } }, target: '#breaker.open.cooling' }],
            'fleet.tripped': [{ guard: { type: 'leadsTo', params: { to: 'open.cooling' } }, target: '#breaker.open.cooling' }],
            'call.succeeded': [{ guard: { type: 'leadsTo', params: { to: 'open.cooling' } }, target: '#breaker.open.cooling' }],
          },
        },
        blocked: {
          description: 'The budget is spent; no calls pass until its period rolls over or it is raised.',
          entry: { type: 'enter', params: { path: 'budgetLimited.blocked' } },
        },
      },
    },
    maintenance: {
      description: 'Taken out by an operator; only health probes pass.',
      entry: { type: 'enter', params: { path: 'maintenance' } },
      on: {
        'timer.maintenanceEnded': [
          { guard: { type: 'leadsTo', params: { to: 'closed.bypassed' } }, target: 'closed.bypassed' },
          { guard: { type: 'leadsTo', params: { to: 'open.forced' } }, target: 'open.forced' },
          { guard: { type: 'leadsTo', params: { to: 'open.cooling' } }, target: 'open.cooling' },
          { description: 'What was worked on has to prove itself first.', target: 'halfOpen' },
        ],
        'command.endMaintenance': [
          { guard: { type: 'leadsTo', params: { to: 'closed.bypassed' } }, target: 'closed.bypassed' },
          { guard: { type: 'leadsTo', params: { to: 'open.forced' } }, target: 'open.forced' },
          { guard: { type: 'leadsTo', params: { to: 'open.cooling' } }, target: 'open.cooling' },
          { description: 'What was worked on has to prove itself first.', target: 'halfOpen' },
        ],
      },
    },
  },
  on: {
    'command.beginMaintenance': [
      { guard: { type: 'leadsTo', params: { to: 'maintenance' } }, target: '.maintenance' },
      { actions: 'note' },
    ],
    'command.trip': [{ guard: { type: 'leadsTo', params: { to: 'open.forced' } }, target: '.open.forced' }, { actions: 'note' }],
    'command.disable': [
      { guard: { type: 'leadsTo', params: { to: 'closed.bypassed' } }, target: '.closed.bypassed' },
      { actions: 'note' },
    ],
    'command.reset': [
      {
        description: 'Forgets what the breaker itself concluded. Budgets, directives and maintenance are not its to forget.',
        guard: { type: 'leadsTo', params: { to: 'budgetLimited.blocked' } },
        target: '.budgetLimited.blocked',
      },
      { guard: { type: 'leadsTo', params: { to: 'budgetLimited.throttled' } }, target: '.budgetLimited.throttled' },
      { guard: { type: 'leadsTo', params: { to: 'degraded.level3' } }, target: '.degraded.level3' },
      { guard: { type: 'leadsTo', params: { to: 'degraded.level2' } }, target: '.degraded.level2' },
      { guard: { type: 'leadsTo', params: { to: 'degraded.level1' } }, target: '.degraded.level1' },
      { guard: { type: 'leadsTo', params: { to: 'closed.watching' } }, target: '.closed.watching' },
      { actions: 'note' },
    ],
    'limit.hit': [
      { guard: { type: 'leadsTo', params: { to: 'rateLimited.exhausted' } }, target: '.rateLimited.exhausted' },
      { guard: { type: 'leadsTo', params: { to: 'rateLimited.paced' } }, target: '.rateLimited.paced' },
      { actions: 'note' },
    ],
    'budget.limited': [
      { guard: { type: 'leadsTo', params: { to: 'budgetLimited.blocked' } }, target: '.budgetLimited.blocked' },
      { guard: { type: 'leadsTo', params: { to: 'budgetLimited.throttled' } }, target: '.budgetLimited.throttled' },
      { actions: 'note' },
    ],
    'limit.cleared': { actions: 'note' },
    'budget.cleared': { actions: 'note' },
    'health.changed': { actions: 'note' },
    'directive.set': { actions: 'note' },
    'timer.directiveExpired': { actions: 'note' },
    'command.enable': { actions: 'note' },
    'command.endMaintenance': { actions: 'note' },
    reconfigure: { actions: 'note' },
    restore: [
      { guard: { type: 'wasIn', params: { path: 'closed.watching' } }, target: '.closed.watching', reenter: true },
      { guard: { type: 'wasIn', params: { path: 'closed.ramping' } }, target: '.closed.ramping' },
      { guard: { type: 'wasIn', params: { path: 'closed.bypassed' } }, target: '.closed.bypassed' },
      { guard: { type: 'wasIn', params: { path: 'open.cooling' } }, target: '.open.cooling' },
      { guard: { type: 'wasIn', params: { path: 'open.awaitingPermit' } }, target: '.open.awaitingPermit' },
      { guard: { type: 'wasIn', params: { path: 'open.forced' } }, target: '.open.forced' },
      { guard: { type: 'wasIn', params: { path: 'halfOpen' } }, target: '.halfOpen' },
      { guard: { type: 'wasIn', params: { path: 'degraded.level1' } }, target: '.degraded.level1' },
      { guard: { type: 'wasIn', params: { path: 'degraded.level2' } }, target: '.degraded.level2' },
      { guard: { type: 'wasIn', params: { path: 'degraded.level3' } }, target: '.degraded.level3' },
      { guard: { type: 'wasIn', params: { path: 'rateLimited.paced' } }, target: '.rateLimited.paced' },
      { guard: { type: 'wasIn', params: { path: 'rateLimited.exhausted' } }, target: '.rateLimited.exhausted' },
      { guard: { type: 'wasIn', params: { path: 'budgetLimited.throttled' } }, target: '.budgetLimited.throttled' },
      { guard: { type: 'wasIn', params: { path: 'budgetLimited.blocked' } }, target: '.budgetLimited.blocked' },
      { guard: { type: 'wasIn', params: { path: 'maintenance' } }, target: '.maintenance' },
    ],
  },
})

/** False for XState's own start event: the first state is entered with the context as it was made. */
function isBreakerEvent(event: { readonly type: string }): boolean {
  return event.type !== 'xstate.init'
}
