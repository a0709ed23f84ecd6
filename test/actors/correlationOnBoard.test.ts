// What a board finds in its own traffic: its breakers let few calls fail, keys come and go, and it is started anew.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { seededRandom } from '../../src/model/random.ts'
import type { FindingRecord } from '../../src/model/records.ts'
import { createSwitchgear } from '../../src/switchgear.ts'
import { VirtualClock } from '../../src/testing/index.ts'
import { PLAIN } from '../scenarios/scenario.ts'
import { httpError } from './testBoard.ts'

const START = 1_790_000_000_000
const NAMES = ['a', 'b', 'c', 'd', 'e', 'f'] as const
type Name = (typeof NAMES)[number]

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
})

/** Two calls a second of six services for ten minutes, one in a hundred failing; then what `strikes` says fails for two. */
async function findings(strikes: Partial<Record<Name, number>>, status: number, graph: Partial<Record<Name, Name[]>> = {}) {
  const clock = new VirtualClock(START)
  const services = Object.fromEntries(NAMES.map((name) => [name, { kind: 'http', dependsOn: graph[name] ?? [] }] as const))
  const gear = await createSwitchgear({ services, clock, seed: 1 })
  const told: FindingRecord[] = []
  gear.events$.subscribe((event) => {
    if (event.type === 'finding' && !event.over) told.push(event)
  })
  const random = seededRandom(9)
  const failed = Object.fromEntries(NAMES.map((name) => [name, 0])) as Record<Name, number>
  for (let half = 0; half < 1360; half++) {
    clock.advance(500)
    for (const name of NAMES) {
      const since = half / 2 - (strikes[name] ?? Number.POSITIVE_INFINITY)
      const struck = since >= 0 && since < 120
      const ordinary = random.next() < 0.01
      if (gear.state(name) === 'open') continue
      try {
        const permit = gear.admit(name)
        if (!struck && !ordinary) permit.succeed()
        else permit.fail(httpError(struck ? status : 500))
        if (struck) failed[name]++
      } catch {
        // Turned away: nothing was called.
      }
    }
  }
  await gear.close()
  return { told: told.map(({ at, finding }) => ({ second: (at - START) / 1000, ...finding })), failed }
}

test('a credential that four services share is found though each was refused twice only', async () => {
  const { told, failed } = await findings({ a: 600, b: 600, c: 600, d: 600 }, 401)
  expect(failed.a).toBeLessThanOrEqual(3)
  const [cause] = told.filter(({ pattern }) => pattern === 'common_cause')
  expect(cause).toMatchObject({ services: ['a', 'b', 'c', 'd'], failureType: 'authentication', severity: 'high' })
  expect(cause!.second).toBeLessThan(610)
  expect(told.every(({ second }) => second >= 600)).toBe(true)
})

test('a cascade is found by the breakers that open one after the other', async () => {
  const { told } = await findings({ a: 600, b: 605, c: 610 }, 503, { b: ['a'], c: ['b'] })
  const [cascade] = told.filter(({ pattern }) => pattern === 'cascade')
  expect(cascade).toMatchObject({ root: 'a', services: ['a', 'b', 'c'] })
  expect(cascade!.second).toBeLessThan(660)
})

test('in ordinary traffic nothing is', async () => {
  expect((await findings({}, 500)).told).toEqual([])
})

test('what stood at a restart ends', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'switchgear-'))
  folders.push(folder)
  const clock = new VirtualClock(START)
  const start = () =>
    createSwitchgear({
      services: { a: PLAIN, b: PLAIN, c: PLAIN, d: PLAIN },
      journal: { file: join(folder, 'board.jsonl') },
      clock,
      seed: 3,
    })
  const first = await start()
  for (let second = 0; second < 120; second++) {
    for (const name of ['a', 'b', 'c', 'd'] as const) first.admit(name).succeed()
    clock.advance(1000)
  }
  const permits = (['a', 'b', 'c'] as const).flatMap((name) => Array.from({ length: 30 }, () => first.admit(name)))
  for (const permit of permits) permit.fail(httpError(503))
  clock.advance(8000)
  const stood = first.system.findings.map(({ pattern }) => pattern)
  expect(stood).toContain('common_cause')
  await first.close()
  const second = await start()
  expect(second.system.findings.map(({ pattern }) => pattern)).toEqual(stood)
  clock.advance(400_000)
  expect(second.system.findings).toEqual([])
  await second.close()
})
