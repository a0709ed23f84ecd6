// One node, or one stranger, whose services fail must not make the whole fleet do less.
import { expect, test } from 'vitest'
import { Story } from './leaderStories.ts'

/** Ten calls a second, for so many seconds. */
async function fails(story: Story, node: string, services: readonly string[], seconds: number, share = 1): Promise<void> {
  for (let i = 0; i < seconds * 10; i++) {
    for (const service of services) {
      const result = i % 10 < share * 10 ? 'failure' : 'success'
      story.fleet.send({ v: 1, type: 'outcome', at: 0, node, service, result, latency: 30 })
    }
    await story.run(0.1)
  }
}

test.each([
  ['trip', 1],
  ['fail often', 0.4],
])('services that one node alone calls, and that %s, degrade nothing that others call', async (_, share) => {
  const story = new Story({ every: 2000 })
  story.join('n1', 'n2', 'n3')
  await story.run(10)
  const asked = new Set<string>()
  story.leader.link.directives.listen((service, entry) => {
    if (entry && (entry.value.level > 0 || entry.value.admissionRatio < 1)) asked.add(service)
  })
  story.fleet.send({ v: 1, type: 'outcome', at: 0, node: 'py', service: 'z', result: 'success', count: 20, latency: 30 })
  await fails(story, 'py', ['x', 'y'], 15, share)
  // What the same node calls is its own affair.
  expect([...asked].sort()).toContain('z')
  expect([...asked].filter((service) => ['database', 'search'].includes(service))).toEqual([])
  expect(story.paths('database')).toEqual(Array(3).fill('closed.watching'))
  // It falls silent, and its services stay away.
  await story.run(90)
  expect([...asked].filter((service) => ['database', 'search'].includes(service))).toEqual([])
})

test('an emergency that one stranger has made up is nobody else’s', async () => {
  const config = { services: { database: { kind: 'http', critical: true }, search: { kind: 'http' } } }
  const story = new Story({ every: 2000, config })
  story.join('n1', 'n2', 'n3')
  await story.run(10)
  const levels = new Set<number>()
  story.leader.link.directives.listen((service, entry) => service === 'search' && levels.add(entry?.value.level ?? 0))
  const madeUp = Array.from({ length: 12 }, (_, i) => `x${i}`)
  await fails(story, 'py', madeUp, 5)
  expect(story.leader.leadership!.board!.context.system.state).toBe('emergency')
  await story.run(90)
  expect([...levels].filter((level) => level > 0)).toEqual([])
})

test('services that fail for two nodes degrade others for all', async () => {
  const story = new Story()
  story.join('n1', 'n2', 'n3')
  await story.run(10)
  for (let i = 0; i < 10; i++) await Promise.all([fails(story, 'py1', ['x'], 1), fails(story, 'py2', ['y'], 0)])
  for (let i = 0; i < 10; i++) await fails(story, 'py2', ['y'], 1)
  expect(story.entry('database')).toMatchObject({ level: 1, rule: 'cascade_failure_prevention' })
})
