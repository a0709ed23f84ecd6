// The epochs of directives go on from the highest that a user has given: there must be room above it.
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { ConfigError } from '../../src/model/errors.ts'
import { replayJournal } from '../../src/replay/replayJournal.ts'
import { createSwitchgear } from '../../src/switchgear.ts'
import { VirtualClock } from '../../src/testing/index.ts'
import { temporaryDirectory } from '../bus/journalRecords.ts'
import { PLAIN } from '../scenarios/scenario.ts'

const LAST = 2 ** 52

async function board(file = join(temporaryDirectory(), 'board.jsonl')) {
  const clock = new VirtualClock()
  const services = { a: PLAIN, b: { ...PLAIN, dependsOn: ['a'] } }
  const gear = await createSwitchgear({ services, journal: { file }, clock, seed: 3 })
  onTestFinished(() => gear.close())
  return { gear, clock, file }
}

it('the last epoch a user may give leaves the journal readable, by a replay and a restart', async () => {
  const { gear, clock, file } = await board()
  gear.direct('b', { epoch: LAST, level: 1, expiresAt: clock.now() + 5000, rule: 'mine', reason: 'r' })
  gear.command('a', { name: 'trip', by: 'ann', why: 'a drill' })
  clock.advance(10_000)
  expect(gear.system.epoch).toBeGreaterThan(LAST)
  await gear.close()
  expect((await replayJournal(file)).differences).toBe(0)
  const { gear: second } = await board(file)
  expect(second.system.epoch).toBeGreaterThan(LAST)
})

it.each([LAST + 1, Number.MAX_SAFE_INTEGER, -1, 0.5])('an epoch of %d is refused', async (epoch) => {
  const { gear, clock } = await board()
  const directive = { epoch, level: 1, expiresAt: clock.now() + 5000, rule: 'mine', reason: 'r' } as const
  const refused = { path: 'directive.epoch', allowed: 'a whole number from 0 to 4503599627370496 (2^52)' }
  expect(() => gear.direct('b', directive)).toThrow(ConfigError)
  expect(() => gear.direct('b', directive)).toThrow(expect.objectContaining(refused))
  expect(() => gear.services.b.for('k').direct(directive)).toThrow(expect.objectContaining(refused))
})
