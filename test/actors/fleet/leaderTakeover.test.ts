// What becomes of the fleet's directives when its leader dies, stops, or is deposed without knowing it.
import { describe, expect, it } from 'vitest'
import type { DirectiveEntry } from '../../../src/model/fleet/entries.ts'
import { NODES, Story } from './leaderStories.ts'

const isDown = (path: string): boolean => path.startsWith('open') || path === 'halfOpen'

/** A fleet whose database is down, as its leader has told everybody. */
async function tripped(): Promise<Story> {
  const story = new Story()
  story.join(...NODES)
  await story.run(10)
  story.down.add('database')
  await story.run(10)
  expect(story.entry('database')?.trip).toBeDefined()
  return story
}

describe('another leads', () => {
  it('after the leader has died: what it wanted stands, under the same trip, and nothing flaps', async () => {
    const story = await tripped()
    const before = story.entry('database')!
    story.kill(story.leader.node)
    const seen = new Set<string>()
    const watch = story.get(story.all[0]!.node)
    watch.link.directives.listen((service, entry) => {
      if (service === 'database' && entry) seen.add(`${entry.value.hold} ${entry.value.trip?.id}`)
    })
    await story.run(5)
    const after = story.entry('database')!
    expect(after.epoch).toBeGreaterThan(before.epoch)
    expect([...seen]).toEqual([`true ${before.trip!.id}`])
    await story.run(10)
    expect(story.entry('database')).toMatchObject({ hold: true, trip: { id: before.trip!.id } })
    story.down.clear()
    await story.run(60)
    expect(story.paths('database').filter(isDown)).toEqual([])
    expect(story.entry('database')).toBeUndefined()
  })

  it('after a clean stop at once, and writes everything anew within a second', async () => {
    const story = await tripped()
    const before = story.entry('database')!
    const leaving = story.leader
    const left = leaving.leave()
    story.processes.delete(leaving.node)
    await story.run(1.2)
    await left
    expect(story.leader.node).not.toBe(leaving.node)
    const after = story.entry('database')!
    expect(after.epoch).toBeGreaterThan(before.epoch)
    expect(after.trip?.id).toBe(before.trip!.id)
  })

  it('while the one before is paused, which finds itself deposed before it acts', async () => {
    const story = await tripped()
    const old = story.leader
    story.fleet.pause(old.node)
    await story.run(6)
    const leaders = story.all.filter((one) => one !== old && one.leadership?.leads)
    expect(leaders).toHaveLength(1)
    const { epoch } = story.entry('database')!
    const stale: DirectiveEntry[] = []
    old.link.directives.listen(() => undefined)
    leaders[0]!.link.directives.listen((_, entry) => {
      if (entry && entry.value.epoch < epoch) stale.push(entry.value)
    })
    story.fleet.resume(old.node)
    await story.run(10)
    expect(stale).toEqual([])
    expect(old.leadership?.state).toBe('following')
    expect(story.leader).toBe(leaders[0])
  })

  it('and rewrites what a deposed leader slips into the table', async () => {
    const story = await tripped()
    const before = story.entry('database')!
    story.kill(story.leader.node)
    for (let i = 0; i < 120 && story.entry('database')!.epoch === before.epoch; i++) await story.run(0.05)
    const { epoch } = story.entry('database')!
    expect(epoch).toBeGreaterThan(before.epoch)
    // The new leader has only just written: what the old one had under way comes after that.
    story.fleet.store('directives', 'database', { ...before, state: 'closed', hold: false })
    story.fleet.store('directives', 'search', { ...before, service: 'search', level: 3, state: 'degraded', hold: false })
    await story.run(0.1)
    expect(story.entry('database')).toMatchObject({ epoch, hold: true })
    expect(story.entry('search')).toMatchObject({ epoch })
    expect(story.entry('search')!.trip).toBeUndefined()
  })

  it('and lets go of what it sees no cause for', async () => {
    const story = new Story()
    const entry: DirectiveEntry = {
      v: 1,
      service: 'database',
      epoch: 0,
      at: 0,
      lifetime: 15_000,
      state: 'open',
      level: 0,
      admissionRatio: 1,
      hold: true,
      probe: 'gone',
      trip: { id: 'old', why: 'quorum', nodes: 3, open: 3, calls: 100, failures: 90 },
      rule: 'fleet_quorum',
      reason: 'long ago',
    }
    story.fleet.store('directives', 'database', entry)
    story.fleet.store('directives', 'nobody-has-it', { ...entry, service: 'nobody-has-it' })
    const { trip: _trip, ...plain } = entry
    story.fleet.store('directives', 'search', { ...plain, service: 'search', state: 'degraded', level: 2, hold: false })
    story.join(...NODES)
    await story.run(3)
    expect(story.entry('search')).toMatchObject({ level: 2, epoch: story.leader.leadership!.epoch })
    expect(story.get('n1').path('search')).toBe('degraded.level2')
    await story.run(60)
    expect(story.entry('database')).toBeUndefined()
    expect(story.entry('search')).toBeUndefined()
    expect(
      story.all.flatMap((one) => [one.path('database'), one.path('search')]).filter((path) => path !== 'closed.watching'),
    ).toEqual([])
  })

  it.each([
    ['trip', 'open', 'command.trip'],
    ['disable', 'closed', 'command.disable'],
    ['beginMaintenance', 'maintenance', 'command.beginMaintenance'],
  ])('and keeps what an operator told the fleet: %s', async (name, state, rule) => {
    const story = new Story()
    story.join('n1', 'n2', 'n3')
    await story.run(10)
    story.fleet.send({
      v: 1,
      type: 'command',
      at: 0,
      node: 'cli',
      service: 'database',
      command: { name, by: 'ann', why: 'work' },
    } as never)
    await story.run(1)
    story.kill(story.leader.node)
    await story.run(10)
    expect(story.entry('database')).toMatchObject({ state, rule })
  })
})

describe('nobody leads', () => {
  it('while the server is away: nodes let go when what they were told has lapsed, and work alone', async () => {
    const story = await tripped()
    story.fleet.stopServer()
    await story.run(20)
    expect(story.all.some(({ leadership }) => leadership?.leads)).toBe(false)
    expect(story.all.some((one) => one.held('database'))).toBe(false)
    story.down.clear()
    await story.run(60)
    expect(story.paths('database').filter(isDown)).toEqual([])
    story.fleet.startServer()
    await story.run(60)
    expect(story.paths('database').filter(isDown)).toEqual([])
    expect(story.entry('database')).toBeUndefined()
  })
})
