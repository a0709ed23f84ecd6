// How the fleet comes back: one node probes for all, in the order of what depends on what, and operators are obeyed everywhere.
import { describe, expect, it } from 'vitest'
import { NODES, Story } from './leaderStories.ts'

const isDown = (path: string): boolean => path.startsWith('open') || path === 'halfOpen'

describe('the fleet recovers', () => {
  it('by one node that probes for all; when the fleet is back, everybody is let go', async () => {
    const story = new Story()
    story.join(...NODES)
    await story.run(10)
    story.down.add('database')
    await story.run(10)
    const probed = new Map<string, number>()
    for (const one of story.all) probed.set(one.node, one.passed.get('database') ?? 0)
    await story.run(20)
    expect(story.entry('database')).toMatchObject({ hold: true, trip: { why: 'quorum' } })
    const probers = story.all.filter((one) => (one.passed.get('database') ?? 0) > probed.get(one.node)!)
    expect(probers).toHaveLength(1)
    story.down.delete('database')
    for (let i = 0; i < 100 && story.entry('database')?.state !== 'closed'; i++) await story.run(0.2)
    expect(story.entry('database')).toMatchObject({ state: 'closed', hold: false, rule: 'released' })
    await story.run(40)
    expect(story.paths('database').filter(isDown)).toEqual([])
    // Nodes have had time to hear it.
    expect(story.entry('database')).toBeUndefined()
    expect(story.all.some((one) => one.held('database'))).toBe(false)
  })

  it('though the probing node dies: another takes its place', async () => {
    const story = new Story()
    story.join(...NODES)
    await story.run(10)
    story.down.add('database')
    for (let i = 0; i < 100 && !story.entry('database')?.probe; i++) await story.run(0.1)
    const first = story.entry('database')!.probe!
    if (story.leader.node === first) {
      // The story is of a prober that does not lead.
      await story.leader.leadership!.stop()
      await story.run(6)
      for (let i = 0; i < 100 && !story.entry('database')?.probe; i++) await story.run(0.1)
    }
    const prober = story.entry('database')!.probe!
    story.kill(prober)
    story.down.delete('database')
    await story.run(12)
    for (let i = 0; i < 200 && story.entry('database')?.state !== 'closed'; i++) await story.run(0.2)
    expect(story.entry('database')).toMatchObject({ state: 'closed', hold: false })
    await story.run(60)
    expect(story.paths('database').filter(isDown)).toEqual([])
  })

  it('dependencies before dependents, across the fleet', async () => {
    const config = { services: { database: { kind: 'http' }, search: { kind: 'http', dependsOn: ['database'] } } }
    const story = new Story({ config })
    story.join(...NODES)
    await story.run(10)
    story.down.add('database').add('search')
    await story.run(10)
    expect(story.entry('database')?.trip).toBeDefined()
    expect(story.entry('search')?.trip).toBeDefined()
    expect(story.entry('search')).toMatchObject({ state: 'open', hold: true })
    expect(story.entry('search')!.probe).toBeUndefined()
    const before = story.all.map((one) => one.passed.get('search') ?? 0)
    story.down.delete('search')
    await story.run(10)
    // Search would answer, but what it stands on does not.
    expect(story.all.map((one) => one.passed.get('search') ?? 0)).toEqual(before)
    story.down.delete('database')
    const order: string[] = []
    for (let i = 0; i < 600 && order.length < 2; i++) {
      await story.run(0.1)
      for (const service of ['database', 'search']) {
        const state = story.entry(service)?.state ?? 'closed'
        if ((state === 'closed' || state === 'degraded') && !order.includes(service)) order.push(service)
      }
    }
    expect(order).toEqual(['database', 'search'])
  })

  it('where too few are open for a trip they take turns', async () => {
    const story = new Story()
    story.join(...NODES, 'n6')
    await story.run(10)
    story.sick.add('n1').add('n2')
    await story.run(5)
    const entry = story.entry('database')!
    expect(entry).toMatchObject({ state: 'closed', hold: true, rule: 'one_probe' })
    expect(entry.trip).toBeUndefined()
    story.sick.clear()
    await story.run(90)
    expect(story.paths('database').filter(isDown)).toEqual([])
    expect(story.entry('database')).toBeUndefined()
  })

  it('for a late joiner too, which opens before its first call', async () => {
    const story = new Story()
    story.join(...NODES)
    await story.run(10)
    story.down.add('database')
    await story.run(5)
    const late = story.add('late')
    await story.run(0.3)
    expect(late.path('database')).toMatch(/^open/)
    expect(late.held('database')).toBe(true)
    expect(late.passed.get('database') ?? 0).toBeLessThanOrEqual(1)
    story.down.delete('database')
    await story.run(60)
    expect(late.path('database')).toMatch(/^closed/)
  })

  it('at once where no node is open any more, though its own wait is long', async () => {
    const config = { services: { database: { kind: 'http', recoveryTimeout: 300_000 }, search: { kind: 'http' } } }
    const story = new Story({ config })
    story.join('n1', 'n2', 'n3')
    await story.run(10)
    story.down.add('database')
    await story.run(5)
    expect(story.entry('database')).toMatchObject({ state: 'open', trip: { why: 'quorum' } })
    story.down.clear()
    for (const { board } of story.all) board.get('database')!.command(board.now(), { name: 'reset', by: 'ann', why: 'mended' })
    await story.run(8)
    expect(story.entry('database')).toMatchObject({ state: 'closed', hold: false })
    expect(story.paths('database')).toEqual(['closed.watching', 'closed.watching', 'closed.watching'])
  })

  it('though the probing node’s answers were lost: its breaker, which is back, says enough', async () => {
    const story = new Story()
    story.join('n1', 'n2', 'n3')
    await story.run(10)
    story.down.add('database')
    for (let i = 0; i < 200 && !story.entry('database')?.probe; i++) await story.run(0.05)
    const prober = story.entry('database')!.probe!
    story.down.clear()
    // What it tells of its calls gets lost; its heartbeat is read now and then.
    story.fleet.faults.lose = 1
    for (let i = 0; i < 100 && isDown(story.get(prober).path('database')); i++) await story.run(0.1)
    await story.run(8)
    expect(story.entry('database')?.hold ?? false).toBe(false)
  })

  it('with clocks that are apart by five seconds', async () => {
    const story = new Story()
    story.add('n1', { offset: 5000 })
    story.add('n2', { offset: -5000 })
    story.add('n3')
    story.add('n4', { offset: 2500 })
    await story.run(10)
    story.down.add('database')
    await story.run(3)
    expect(story.entry('database')).toMatchObject({ hold: true, trip: { why: 'quorum' } })
    expect(story.paths('database').every(isDown)).toBe(true)
    story.down.delete('database')
    await story.run(60)
    expect(story.paths('database').filter(isDown)).toEqual([])
    expect(story.entry('database')).toBeUndefined()
    expect(story.findings.filter(({ finding }) => finding.pattern === 'node_outlier')).toEqual([])
  })
})

describe('commands for the fleet', () => {
  const by = { by: 'ann', why: 'a drill' }
  const command = (service: string, told: object) =>
    ({ v: 1, type: 'command', at: 0, node: 'cli', service, command: { ...told, ...by } }) as never

  it('open a service everywhere, hold it there, and let it go', async () => {
    const story = new Story()
    story.join('n1', 'n2', 'n3')
    await story.run(10)
    story.fleet.send(command('database', { name: 'trip' }))
    await story.run(1)
    expect(story.entry('database')).toMatchObject({ state: 'open', hold: true, rule: 'command.trip', reason: 'ann: a drill' })
    expect(story.paths('database').every(isDown)).toBe(true)
    await story.run(120)
    expect(story.paths('database').every(isDown)).toBe(true)
    story.fleet.send(command('database', { name: 'reset' }))
    await story.run(60)
    expect(story.paths('database').filter(isDown)).toEqual([])
    expect(story.entry('database')).toBeUndefined()
  })

  it('put all services into maintenance and take them out', async () => {
    const story = new Story()
    story.join('n1', 'n2', 'n3')
    await story.run(10)
    story.fleet.send(command('*', { name: 'beginMaintenance', until: 60_000 }))
    await story.run(1)
    for (const service of ['database', 'search']) {
      expect(story.entry(service)).toMatchObject({ state: 'maintenance', hold: true, admissionRatio: 0 })
    }
    const passed = story.all.map((one) => one.passed.get('search'))
    await story.run(5)
    expect(story.all.map((one) => one.passed.get('search'))).toEqual(passed)
    // It ends so long after the command was sent, whatever the sender's clock said.
    await story.run(80)
    expect(story.entry('database')).toBeUndefined()
    expect(story.get('n1').passed.get('search')).toBeGreaterThan(passed[0]!)
  })

  it('that a node tells of as its own stay its own', async () => {
    const story = new Story()
    story.join('n1', 'n2', 'n3')
    await story.run(10)
    story
      .get('n2')
      .board.get('database')!
      .command(story.get('n2').board.now(), { name: 'trip', ...by })
    await story.run(3)
    expect(story.entry('database')).toBeUndefined()
    expect(story.paths('database')).toEqual(['closed.watching', 'open.forced', 'closed.watching'])
  })
})
