// Who leads the fleet, as one node sees it: it follows, campaigns when the lease may be free, leads while it can renew it, and is
// deposed the moment it may no longer act, whatever the server says later. Run by src/actors/fleet/leaderElector.ts.
import { assign, setup } from 'xstate'
import {
  campaignAt,
  campaignSoon,
  fenceOf,
  isFresh,
  type LeaderContext,
  type LeaderEvent,
  renewAgainAt,
  renewAt,
} from '../model/fleet/leadership.ts'

export interface LeaderInput {
  /** Of the lease, ms. */
  readonly lifetime: number
  /** Seed of the jitter; another one for each node. */
  readonly seed: number
  /** Epoch ms. */
  readonly at: number
}

export const leaderMachine = setup({
  types: {
    context: {} as LeaderContext,
    events: {} as LeaderEvent,
    input: {} as LeaderInput,
  },
  guards: {
    isFresh: ({ event }) => event.type === 'lease.held' && isFresh(event),
    isSameTerm: ({ context, event }) => event.type === 'lease.held' && event.epoch === context.epoch && isFresh(event),
    isPastFence: ({ context, event }) => context.fence !== undefined && event.at >= context.fence,
  },
  actions: {
    /** Ask some time from now. */
    wait: assign(({ context, event }) => ({ ...campaignAt(event.at, context), reason: event.type })),
    hurry: assign(({ context, event }) => ({ ...campaignSoon(event.at, context), reason: event.type })),
    awaitAnswer: assign({ askAt: undefined }),
    noteHolder: assign(({ event }) => (event.type === 'lease.taken' ? { holder: event.holder, lifetime: event.lifetime } : {})),
    /** The lease counts from before it was asked for, and lives as long as the server has it, whatever this node was told. */
    hold: assign(({ event }) => {
      if (event.type !== 'lease.held') return {}
      const { asked, epoch, type, lifetime } = event
      const [fence, askAt] = [fenceOf(asked, lifetime), renewAt(asked, lifetime)]
      return { epoch, lifetime, fence, askAt, holder: undefined, reason: type }
    }),
    tryAgain: assign({ askAt: ({ context, event }) => renewAgainAt(event.at, context.lifetime) }),
    standDown: assign(({ context, event }) => ({ ...campaignAt(event.at, context), fence: undefined, reason: event.type })),
    rest: assign(({ event }) => ({ askAt: undefined, fence: undefined, reason: event.type })),
  },
}).createMachine({
  id: 'leader',
  context: ({ input }) => {
    const { lifetime, seed, at } = input
    const context = { lifetime, random: seed, askAt: undefined, epoch: undefined, fence: undefined, holder: undefined }
    return { ...context, ...campaignSoon(at, { ...context, reason: 'created' }), reason: 'created' }
  },
  initial: 'following',
  on: {
    stop: { description: 'The process ends. What it holds is given up at once, for a successor to take.', target: '.stopped' },
  },
  states: {
    following: {
      description: 'Another node leads, or nobody does. This one asks for the lease now and then, as it may be free.',
      on: {
        'timer.ask': { target: 'campaigning' },
        'lease.freed': { description: 'Who led has stopped: the next one may come at once.', actions: 'hurry' },
        'lease.taken': { actions: ['noteHolder', 'wait'] },
        'lease.failed': { actions: 'wait' },
      },
    },
    campaigning: {
      description: 'It has asked for the lease and awaits the answer.',
      entry: 'awaitAnswer',
      on: {
        'lease.held': [
          { guard: 'isFresh', target: 'leading', actions: 'hold' },
          { description: 'The answer took longer than the lease lives.', target: 'following', actions: 'wait' },
        ],
        'lease.taken': { target: 'following', actions: ['noteHolder', 'wait'] },
        'lease.failed': {
          description: 'The server is away: nobody leads, and every node works alone.',
          target: 'following',
          actions: 'wait',
        },
      },
    },
    leading: {
      description:
        'It holds the lease and runs the orchestrator for the fleet, up to its fence: a little less than the lease lives.',
      initial: 'steady',
      on: {
        'lease.held': [
          { guard: 'isSameTerm', target: '.steady', actions: 'hold' },
          {
            description: 'It lost the lease and got it again without noticing: others may have led between. Another term.',
            guard: 'isFresh',
            target: 'leading',
            reenter: true,
            actions: 'hold',
          },
          { description: 'Too old to be worth anything; the fence stands where it stood.', actions: 'tryAgain' },
        ],
        'lease.taken': { target: 'deposed', actions: ['noteHolder', 'standDown'] },
        look: { guard: 'isPastFence', target: 'deposed', actions: 'standDown' },
      },
      states: {
        steady: {
          description: 'The lease is good for a while.',
          on: {
            'timer.ask': [
              {
                description: 'Paused, or too busy, until its lease was over.',
                guard: 'isPastFence',
                target: '#leader.deposed',
                actions: 'standDown',
              },
              { target: 'renewing' },
            ],
          },
        },
        renewing: {
          description: 'It has asked to keep the lease and awaits the answer; up to its fence it leads.',
          entry: 'awaitAnswer',
          on: {
            'lease.failed': { description: 'There is time to ask again.', target: 'steady', actions: 'tryAgain' },
          },
        },
      },
    },
    deposed: {
      description: 'It led, and may act no longer: it could not renew in time, or another node leads. After a moment it follows.',
      on: {
        'lease.held': [
          { description: 'The answer came after all, and still counts.', guard: 'isFresh', target: 'leading', actions: 'hold' },
        ],
        'lease.taken': { target: 'following', actions: ['noteHolder', 'wait'] },
        'lease.freed': { target: 'following', actions: 'hurry' },
        'timer.ask': { target: 'campaigning' },
      },
    },
    stopped: {
      description: 'It takes no further part.',
      type: 'final',
      entry: 'rest',
    },
  },
})
