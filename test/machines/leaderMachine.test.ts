// The lease's statechart by itself: every time is in an event, so each story is a list of events.
import { describe, expect, it } from 'vitest'
import { createActor } from 'xstate'
import { leaderMachine } from '../../src/machines/leaderMachine.ts'
import { type LeaderEvent, leaderDeadline } from '../../src/model/fleet/leadership.ts'

const LIFETIME = 3000

function told(...events: LeaderEvent[]) {
  const actor = createActor(leaderMachine, { input: { lifetime: LIFETIME, seed: 1, at: 0 } }).start()
  for (const event of events) actor.send(event)
  const { value, context } = actor.getSnapshot()
  return { value, context }
}

const ask = (at: number): LeaderEvent => ({ type: 'timer.ask', at })
const held = (asked: number, at: number, epoch = 7): LeaderEvent => ({
  type: 'lease.held',
  at,
  asked,
  epoch,
  lifetime: LIFETIME,
})
const elected = [ask(10), held(10, 15)]

describe('leaderMachine', () => {
  it('begins by following, and asks within a thirtieth of the lifetime', () => {
    const { value, context } = told()
    expect(value).toBe('following')
    expect(context.askAt).toBeLessThanOrEqual(LIFETIME / 30)
  })

  it('leads up to 300 ms before the lease, counted from before it asked, is over', () => {
    const { value, context } = told(...elected)
    expect(value).toEqual({ leading: 'steady' })
    expect(context).toMatchObject({ epoch: 7, fence: 10 + 2700, askAt: 10 + 1000 })
    expect(told(...elected, { type: 'look', at: 2709 }).value).toEqual({ leading: 'steady' })
    expect(told(...elected, { type: 'look', at: 2710 }).value).toBe('deposed')
  })

  it.each<[string, LeaderEvent[], unknown]>([
    ['another has it', [ask(10), { type: 'lease.taken', at: 12, holder: 'b', lifetime: LIFETIME }], 'following'],
    ['the server is away', [ask(10), { type: 'lease.failed', at: 810 }], 'following'],
    ['the answer took longer than the lease lives', [ask(10), held(10, 2710)], 'following'],
    ['it asks to keep the lease', [...elected, ask(1010)], { leading: 'renewing' }],
    ['it keeps it', [...elected, ask(1010), held(1010, 1015)], { leading: 'steady' }],
    ['one question goes unanswered', [...elected, ask(1010), { type: 'lease.failed', at: 1810 }], { leading: 'steady' }],
    ['it woke beyond its fence', [...elected, ask(9000)], 'deposed'],
    [
      'another has taken it',
      [...elected, ask(1010), { type: 'lease.taken', at: 1015, holder: 'b', lifetime: LIFETIME }],
      'deposed',
    ],
    [
      'it follows who deposed it',
      [...elected, ask(9000), { type: 'lease.taken', at: 9005, holder: 'b', lifetime: LIFETIME }],
      'following',
    ],
    ['it campaigns after it was deposed', [...elected, ask(9000), ask(9700)], 'campaigning'],
    ['it is deposed, and who led instead stops', [...elected, ask(9000), { type: 'lease.freed', at: 9100 }], 'following'],
    ['it stops', [...elected, { type: 'stop', at: 500 }], 'stopped'],
  ])('when %s', (_, events, value) => {
    expect(told(...events).value).toEqual(value)
  })

  it('moves its fence with each renewal, and never by an answer that comes too late', () => {
    expect(told(...elected, ask(1010), held(1010, 1015)).context.fence).toBe(1010 + 2700)
    const late = told(...elected, ask(1010), held(-3000, 1500))
    expect(late.context).toMatchObject({ fence: 2710, askAt: 1500 + 500 })
    expect(late.value).toEqual({ leading: 'renewing' })
  })

  it('leads a term of its own when the epoch has changed under it', () => {
    const { value, context } = told(...elected, ask(1010), held(1010, 1015, 9))
    expect(value).toEqual({ leading: 'steady' })
    expect(context.epoch).toBe(9)
  })

  it('takes an answer that came after it stood down, while that still counts', () => {
    const stoodDown = [...elected, ask(1010), { type: 'look', at: 2710 }] as LeaderEvent[]
    expect(told(...stoodDown).value).toBe('deposed')
    expect(told(...stoodDown, held(1010, 2720)).value).toEqual({ leading: 'steady' })
    expect(told(...stoodDown, held(1010, 3710)).value).toBe('deposed')
  })

  it('waits for a random time while another leads, and hurries when that one stops', () => {
    const following = [ask(10), { type: 'lease.taken', at: 1000, holder: 'b', lifetime: LIFETIME }] as LeaderEvent[]
    const { context } = told(...following)
    expect(context.holder).toBe('b')
    expect(context.askAt).toBeGreaterThanOrEqual(1500)
    expect(context.askAt).toBeLessThanOrEqual(2000)
    expect(told(...following, { type: 'lease.freed', at: 1100 }).context.askAt).toBeLessThanOrEqual(1200)
    expect(told(...following, { type: 'lease.failed', at: 1100 }).context.askAt).toBeGreaterThanOrEqual(1600)
  })

  it('waits for its fence while an answer is due, and for nothing once it has stopped', () => {
    const renewing = told(...elected, ask(1010)).context
    expect(leaderDeadline(renewing, true)).toBe(2710)
    expect(leaderDeadline(told(...elected).context, true)).toBe(1010)
    expect(leaderDeadline(told(...elected, { type: 'stop', at: 20 }).context, false)).toBeUndefined()
  })
})
