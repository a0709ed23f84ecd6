// What an operator says of a service holds for its keys: for those there are, and for those that come while it stands.
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { MaintenanceError } from '../../src/model/errors.ts'
import { replayJournal } from '../../src/replay/replayJournal.ts'
import { createSwitchgear } from '../../src/switchgear.ts'
import { VirtualClock } from '../../src/testing/index.ts'
import { temporaryDirectory } from '../bus/journalRecords.ts'
import { PLAIN, story } from '../scenarios/scenario.ts'
import { ofType, replayed, testBoard } from './testBoard.ts'

const who = { by: 'ann', why: 'a drill' }

type Board = Awaited<ReturnType<typeof board>>
const board = () => story({ a: PLAIN, b: PLAIN })

it.each<[string, (gear: Board['gear']) => void, string, (gear: Board['gear']) => void, string]>([
  [
    'a trip of all',
    (gear) => gear.command({ name: 'tripAll', ...who }),
    'open.forced',
    (gear) => gear.command({ name: 'recoverAll', ...who }),
    'closed.watching',
  ],
  [
    'a trip of the service',
    (gear) => gear.command('a', { name: 'trip', ...who }),
    'open.forced',
    (gear) => gear.command('a', { name: 'reset', ...who }),
    'closed.watching',
  ],
  [
    'a maintenance of several',
    (gear) => gear.command({ name: 'beginMaintenance', services: ['a'], ...who }),
    'maintenance',
    (gear) => gear.command({ name: 'endMaintenance', ...who }),
    'halfOpen',
  ],
  [
    'a maintenance of the service',
    (gear) => gear.command('a', { name: 'beginMaintenance', ...who }),
    'maintenance',
    (gear) => gear.command('a', { name: 'endMaintenance', ...who }),
    'halfOpen',
  ],
  [
    'what switches the service off',
    (gear) => gear.command('a', { name: 'disable', ...who }),
    'closed.bypassed',
    (gear) => gear.command('a', { name: 'enable', ...who }),
    'closed.watching',
  ],
])('%s holds for keys that come later, and ends for them', async (_, begin, path, end, after) => {
  const { gear, journal, replays } = await board()
  const { a } = gear.services
  const [before, later, fresh] = [a.for('before'), a.for('later'), a.for('fresh')]
  before.admit().succeed()
  begin(gear)
  if (path === 'closed.bypassed') later.admit().succeed()
  else expect(() => later.admit()).toThrow(expect.objectContaining({ service: 'a/later' }))
  expect([a.path, before.path, later.path]).toEqual([path, path, path])
  expect(ofType(journal.records, 'command').at(-1)).toMatchObject({ service: 'a/later', command: who })
  end(gear)
  fresh.admit().succeed()
  expect([before.path, later.path, fresh.path]).toEqual([after, after, 'closed.watching'])
  replays()
})

it('a maintenance with an end ends for a key that came later when it does for the others, and a trip beneath it shows', async () => {
  const { gear, clock, replays } = await board()
  const { a } = gear.services
  const until = clock.now() + 10_000
  gear.command('a', { name: 'trip', ...who })
  gear.command({ name: 'beginMaintenance', until, ...who })
  clock.advance(5000)
  expect(() => a.for('later').admit()).toThrow(MaintenanceError)
  expect(a.for('later').until).toBe(until)
  clock.advance(5000)
  expect([a.path, a.for('later').path]).toEqual(['open.forced', 'open.forced'])
  replays()
})

it('a key that was let go comes back as its service stands, and goes before one that has trouble of its own', async () => {
  const { gear, heard, journal } = await testBoard({ a: { ...PLAIN, maxKeys: 2 } })
  const { a } = gear.services
  for (let i = 0; i < 3; i++) a.for('sick').admit().fail(new Error('down'))
  gear.command('a', { name: 'beginMaintenance', ...who })
  for (const key of ['x', 'y', 'x']) expect(() => a.for(key).admit()).toThrow(MaintenanceError)
  const changes = ofType(heard, 'config').map(({ change, service }) => `${change} ${service}`)
  expect(changes.slice(2)).toEqual(['removed a/x', 'added a/y', 'removed a/y', 'added a/x'])
  gear.command('a', { name: 'endMaintenance', ...who })
  expect([a.for('sick').path, a.for('x').path]).toEqual(['open.cooling', 'halfOpen'])
  expect(replayed(journal.records).first).toBeUndefined()
})

it('stands for the keys of a journal, and for those that come after a restart', async () => {
  const file = join(temporaryDirectory(), 'board.jsonl')
  const clock = new VirtualClock()
  const start = async () => {
    const gear = await createSwitchgear({ services: { a: PLAIN, b: PLAIN }, journal: { file }, clock, seed: 3 })
    onTestFinished(() => gear.close())
    return gear
  }
  const first = await start()
  first.command({ name: 'tripAll', ...who })
  expect(() => first.services.a.for('early').admit()).toThrow()
  await first.close()
  const second = await start()
  const { a } = second.services
  expect(a.for('early').path).toBe('open.forced')
  expect(() => a.for('late').admit()).toThrow()
  expect(a.for('late').path).toBe('open.forced')
  second.command({ name: 'recoverAll', ...who })
  expect([a.for('early').path, a.for('late').path]).toEqual(['closed.watching', 'closed.watching'])
  await second.close()
  expect(await replayJournal(file)).toMatchObject({ differences: 0, sessions: 2 })
})
