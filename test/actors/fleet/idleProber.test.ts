// A board may have services that its process never calls, as that of a dedicated leader: it must not be the one that probes.
import { describe, expect, it } from 'vitest'
import { Story } from './leaderStories.ts'

describe('the node that probes', () => {
  it('is one that calls the service, though another is ready first, and however long the outage', async () => {
    const story = new Story()
    const waiting = (recoveryTimeout: number) => ({ services: { database: { kind: 'http', recoveryTimeout } } })
    story.add('a_leader', { every: 0, config: waiting(1000) })
    await story.run(5)
    for (const node of ['n1', 'n2', 'n3']) story.add(node, { stands: false, config: waiting(10_000) })
    await story.run(10)
    story.down.add('database')
    const probers = new Set<string>()
    for (let i = 0; i < 700; i++) {
      await story.run(0.1)
      const { probe } = story.entry('database') ?? {}
      if (probe !== undefined) probers.add(probe)
    }
    expect(story.get('a_leader').path('database')).toMatch(/^open/)
    expect(probers.size).toBeGreaterThan(0)
    expect([...probers]).not.toContain('a_leader')
    story.down.delete('database')
    for (let i = 0; i < 600 && story.entry('database')?.state !== 'closed'; i++) await story.run(0.1)
    expect(story.entry('database')?.state).toBe('closed')
  })
})

describe('a board that has a service and never calls it', () => {
  it('is no part of a quorum, though its breaker was opened by the fleet and stays away', async () => {
    const story = new Story()
    for (const node of ['idle1', 'idle2']) story.add(node, { every: 0 })
    await story.run(5)
    for (const node of ['n1', 'n2', 'n3']) story.add(node, { stands: false })
    await story.run(10)
    for (let outage = 0; outage < 2; outage++) {
      story.sick.add('n1').add('n2')
      for (let i = 0; i < 200 && !story.entry('database')?.trip; i++) await story.run(0.1)
      expect(story.entry('database')?.trip).toMatchObject({ why: 'quorum', nodes: 3, open: 2 })
      story.sick.clear()
      for (let i = 0; i < 1000 && story.entry('database')?.state !== 'closed'; i++) await story.run(0.1)
      await story.run(20)
    }
    expect(story.get('idle1').path('database')).not.toBe('closed.watching')
  })
})
