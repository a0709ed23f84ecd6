// A process ends in the middle of an outage and another goes on, after a while, on another configuration, or as the first that
// coordinates at all.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { encode } from '../../src/bus/journalLine.ts'
import type { ServiceInput } from '../../src/model/config.ts'
import type { OrchestratorInput } from '../../src/model/orchestrator/config.ts'
import type { JournalRecord } from '../../src/model/records.ts'
import { replayJournal } from '../../src/replay/replayJournal.ts'
import { createSwitchgear, type Switchgear } from '../../src/switchgear.ts'
import { VirtualClock } from '../../src/testing/index.ts'
import { httpError } from '../actors/testBoard.ts'
import { recordsIn, temporaryDirectory } from '../bus/journalRecords.ts'
import { PLAIN } from './scenario.ts'

type Services = Record<string, ServiceInput>
type Board = Switchgear<Services>

const START = 1_767_225_600_000
const WHO = { by: 'ann', why: 'a drill' }

function site(orchestrator: OrchestratorInput = {}) {
  const file = join(temporaryDirectory(), 'board.jsonl')
  return {
    file,
    async start(services: Services, at: number): Promise<{ readonly gear: Board; readonly clock: VirtualClock }> {
      const clock = new VirtualClock(at)
      const options = { seed: 7, journal: file, clock, orchestrator: { correlation: false, ...orchestrator } }
      const gear: Board = await createSwitchgear<Services>({ ...options, services })
      onTestFinished(() => gear.close())
      return { gear, clock }
    },
  }
}

function call(gear: Board, service: string, isWell = true): void {
  if (gear.services[service]!.peek() !== undefined) return
  const permit = gear.admit(service)
  if (isWell) permit.succeed()
  else permit.fail(httpError(503))
}

/** A call a second to each, all of which fail. */
function fail({ gear, clock }: { readonly gear: Board; readonly clock: VirtualClock }, ...names: string[]): void {
  for (let second = 0; second < 4; second++) {
    clock.advance(1000)
    for (const name of names) call(gear, name, false)
  }
}

/** The journal as software wrote it that coordinated nothing. */
function asBeforeThereWasAnOrchestrator(file: string): void {
  const records = recordsIn(file).filter((record) => !('by' in record && record.by === 'orchestrator'))
  const kept = records.filter(({ type }) => !['review', 'system', 'finding', 'systemCommand'].includes(type))
  let crc = 0
  const lines = kept.map((record) => {
    const { orchestrator: _, crc: __, ...rest } = record as JournalRecord & { orchestrator?: unknown; crc?: unknown }
    const encoded = encode(rest as JournalRecord, crc)
    crc = encoded.crc
    return `${encoded.line.trimEnd()}\n`
  })
  writeFileSync(file, lines.join(''))
}

async function replays(file: string): Promise<void> {
  const { first, differences } = await replayJournal(file)
  expect(first).toBeUndefined()
  expect(differences).toBe(0)
}

it('a dependent is not probed before its dependency, though what held it has lapsed', async () => {
  const { file, start } = site()
  const services = { db: { ...PLAIN, recoveryTimeout: 3_000_000 }, web: { ...PLAIN, dependsOn: ['db'] }, z: PLAIN }
  const first = await start(services, START)
  fail(first, 'db', 'web')
  first.clock.advance(25_000)
  expect(first.gear.services.web!.path).toBe('open.awaitingPermit')
  await first.gear.close()
  const { gear, clock } = await start(services, first.clock.now() + 120_000)
  clock.advance(500)
  expect([gear.services.db!.path, gear.services.web!.path]).toEqual(['open.cooling', 'open.awaitingPermit'])
  expect(gear.system.directives.web).toMatchObject({ hold: true })
  await gear.close()
  await replays(file)
})

it('a board that has shrunk keeps no places for services that are gone', async () => {
  const { file, start } = site({ maxConcurrentRecoveries: 2, recoveryLease: 3_600_000 })
  const first = await start({ a: PLAIN, b: PLAIN, c: PLAIN, d: PLAIN, e: PLAIN }, START)
  fail(first, 'a', 'b')
  first.clock.advance(20_000)
  expect(first.gear.system.recovering).toEqual(['a', 'b'])
  first.gear.direct('a', { epoch: 99, level: 3, hold: true, expiresAt: START + 360_000_000, rule: 'mine', reason: 'a drill' })
  await first.gear.close()
  const second = await start({ d: PLAIN, e: PLAIN }, first.clock.now() + 60_000)
  fail(second, 'd')
  second.clock.advance(20_000)
  expect(second.gear.services.d!.path).toBe('halfOpen')
  call(second.gear, 'd')
  second.clock.advance(60_000)
  expect(second.gear.system).toMatchObject({ state: 'healthy', directives: {}, rules: [] })
  await second.gear.close()
  await replays(file)
  const reviews = (): number => recordsIn(file).filter(({ type }) => type === 'review').length
  const before = reviews()
  const third = await start({ d: PLAIN, e: PLAIN }, second.clock.now() + 60_000)
  third.clock.advance(60_000)
  await third.gear.close()
  expect(reviews()).toBe(before)
})

it('who is left alone is let go of, even where the clock was ahead', async () => {
  const { file, start } = site()
  const first = await start({ a: PLAIN, b: { ...PLAIN, dependsOn: ['a'] }, c: PLAIN }, START + 86_400_000)
  first.gear.command('a', { name: 'trip', ...WHO })
  first.clock.advance(5000)
  expect(first.gear.services.b!.path).toBe('degraded.level1')
  await first.gear.close()
  const { gear, clock } = await start({ b: PLAIN }, START)
  clock.advance(1000)
  expect(gear.services.b!.path).toBe('closed.watching')
  await gear.close()
  await replays(file)
})

it("a user's directive from before there was an orchestrator is one wish among those of the rules", async () => {
  const { file, start } = site()
  const services = { a: PLAIN, b: { ...PLAIN, dependsOn: ['a'] }, c: PLAIN }
  const first = await start(services, START)
  first.gear.direct('b', { epoch: 5, level: 3, expiresAt: START + 3_600_000, rule: 'mine', reason: 'a drill' })
  await first.gear.close()
  asBeforeThereWasAnOrchestrator(file)
  expect(readFileSync(file, 'utf8')).not.toContain('orchestrator')
  const { gear, clock } = await start(services, START + 10_000)
  expect(gear.system.directives.b).toMatchObject({ level: 3, rule: 'mine' })
  gear.command('a', { name: 'trip', ...WHO })
  clock.advance(1000)
  expect(gear.services.b!.path).toBe('degraded.level3')
  gear.command('a', { name: 'reset', ...WHO })
  clock.advance(10_000)
  expect(gear.services.b!.path).toBe('degraded.level3')
  await gear.close()
  await replays(file)
})

it('who was held before there was an orchestrator takes no place from others', async () => {
  const { file, start } = site({ maxConcurrentRecoveries: 1, rules: { cascade_failure_prevention: { enabled: false } } })
  const services = { a: PLAIN, b: { ...PLAIN, dependsOn: ['a'] }, c: PLAIN }
  const first = await start({ ...services, b: PLAIN }, START)
  first.gear.direct('a', { epoch: 5, level: 0, hold: true, expiresAt: START + 3_600_000, rule: 'mine', reason: 'a drill' })
  fail(first, 'a', 'c')
  first.clock.advance(20_000)
  await first.gear.close()
  asBeforeThereWasAnOrchestrator(file)
  const { gear, clock } = await start(services, START + 30_000)
  for (let second = 0; second < 60; second++) {
    clock.advance(1000)
    call(gear, 'c')
  }
  expect([gear.services.a!.path, gear.services.c!.path]).toEqual(['open.awaitingPermit', 'closed.watching'])
  await gear.close()
  await replays(file)
})
