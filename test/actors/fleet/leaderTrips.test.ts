// When the fleet trips and when it does not: by quorum, by the failures of all nodes together, and never for one sick node.
import { describe, expect, it } from 'vitest'
import { NODES, Story } from './leaderStories.ts'

describe('the fleet trips', () => {
  it('when half of the nodes have opened: the others open before they fail', async () => {
    const story = new Story()
    story.join(...NODES)
    // Three call a lot; two call once in 20 s, and would need minutes to find out.
    story.add('slow1', { every: 20_000 })
    await story.run(31)
    expect(story.entry('database')).toBeUndefined()
    story.down.add('database')
    await story.run(2.5)
    const entry = story.entry('database')!
    expect(entry).toMatchObject({ state: 'open', hold: true, rule: 'fleet_quorum', trip: { why: 'quorum', nodes: 6 } })
    expect(entry.trip!.open).toBeGreaterThanOrEqual(3)
    expect(story.get('slow1').transitions.at(-1)).toMatchObject({
      service: 'database',
      to: 'open.cooling',
      reason: 'fleet_quorum',
    })
    expect(story.paths('search').every((path) => path === 'closed.watching' || path.startsWith('degraded'))).toBe(true)
  })

  it('never for one sick node, which is named, and is told of when it is well again', async () => {
    const story = new Story()
    story.join(...NODES)
    await story.run(10)
    story.sick.add('n2')
    await story.run(20)
    expect(story.get('n2').path('database')).toMatch(/^open|halfOpen/)
    expect(story.entry('database')?.trip).toBeUndefined()
    for (const node of ['n1', 'n3', 'n4', 'n5']) expect(story.get(node).path('database')).toBe('closed.watching')
    expect(story.findings).toHaveLength(1)
    const [{ finding }] = story.findings as [(typeof story.findings)[0]]
    expect(finding).toMatchObject({ pattern: 'node_outlier', node: 'n2', services: ['database', 'search'] })
    expect(finding.strength).toBeGreaterThan(0.5)
    expect(story.alerts.some(({ code }) => code === 'node_outlier')).toBe(true)
    story.sick.delete('n2')
    await story.run(120)
    expect(story.findings.map(({ over }) => over)).toEqual([false, true])
    expect(story.get('n2').path('database')).toBe('closed.watching')
  })

  it('by the failures of all nodes together, where no node sees enough of them', async () => {
    const config = {
      services: { database: { kind: 'http', trip: { consecutiveFailures: false, consecutiveTimeouts: false } } },
    }
    const story = new Story({ config, every: 5000 })
    story.join(...NODES, 'n6')
    await story.run(70)
    story.failing = 0.8
    for (let second = 0; second < 55 && !story.entry('database')?.trip; second++) await story.run(1)
    // Each has made a dozen calls in the minute, and its own breaker waits for twenty.
    expect(story.entry('database')).toMatchObject({
      rule: 'fleet_failure_rate',
      trip: { why: 'failure_rate', nodes: 6 },
    })
    expect(story.all.every(({ transitions }) => transitions.at(-1)?.reason === 'fleet_failure_rate')).toBe(true)
  })

  it('for a single node by streaks too', async () => {
    const story = new Story()
    story.join('n1')
    await story.run(10)
    story.down.add('database')
    await story.run(2)
    expect(story.entry('database')).toMatchObject({ state: 'open', hold: true })
    expect(story.get('n1').path('database')).toMatch(/^open/)
  })

  it('by what nodes tell of their breakers, before their heartbeats do', async () => {
    const story = new Story()
    story.join('n1')
    await story.run(10)
    const transition = { from: 'closed.watching', to: 'open.cooling', generation: 1, reason: 'failure_rate' } as const
    for (const node of ['x', 'y']) story.fleet.send({ v: 1, type: 'transition', at: 5, node, service: 'database', ...transition })
    await story.run(0.05)
    expect(story.entry('database')).toMatchObject({ trip: { why: 'quorum', nodes: 3, open: 2 } })
    // Those that the fleet has opened are no reason to open.
    for (const node of ['x', 'y']) {
      story.fleet.send({ v: 1, type: 'transition', at: 6, node, service: 'search', ...transition, reason: 'fleet_quorum' })
    }
    await story.run(0.05)
    expect(story.entry('search')?.trip).toBeUndefined()
  })

  it('of two nodes only when both have opened', async () => {
    const story = new Story()
    story.join('n1', 'n2')
    await story.run(10)
    story.sick.add('n1')
    await story.run(10)
    expect(story.entry('database')?.trip).toBeUndefined()
    story.sick.add('n2')
    await story.run(3)
    expect(story.entry('database')).toMatchObject({ trip: { why: 'quorum', nodes: 2, open: 2 } })
  })
})

describe('a service that only the bus tells of', () => {
  it('has a breaker of the fleet, which callers without one can obey', async () => {
    const story = new Story()
    story.join('n1', 'n2')
    await story.run(5)
    const tell = (node: string, result: 'success' | 'failure'): void =>
      story.fleet.send({ v: 1, type: 'outcome', at: 0, node, service: 'python', result, latency: 30 })
    for (let i = 0; i < 40; i++) {
      for (const node of ['py1', 'py2', 'py3']) tell(node, 'success')
      await story.run(0.25)
    }
    expect(story.entry('python')).toBeUndefined()
    for (let i = 0; i < 160 && !story.entry('python'); i++) {
      for (const node of ['py1', 'py2', 'py3']) tell(node, 'failure')
      await story.run(0.25)
    }
    expect(story.entry('python')).toMatchObject({ state: 'open', trip: { why: 'failure_rate', nodes: 3, open: 0 } })
    expect(story.entry('python')!.retryAfterMs).toBeGreaterThan(0)
    await story.run(120)
    expect(story.entry('python')?.state).toBe('halfOpen')
    for (let i = 0; i < 4; i++) {
      tell('py1', 'success')
      await story.run(0.25)
    }
    expect(story.entry('python')?.state).toBe('closed')
    await story.run(30)
    expect(story.entry('python')).toBeUndefined()
  })
})
