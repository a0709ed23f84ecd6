// What is asked of a service is asked of its keys: when they are used or looked at, for as long as it is asked of the service.
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { replayJournal } from '../../src/replay/replayJournal.ts'
import { createSwitchgear } from '../../src/switchgear.ts'
import { VirtualClock } from '../../src/testing/index.ts'
import { temporaryDirectory } from '../bus/journalRecords.ts'
import { PLAIN, story } from '../scenarios/scenario.ts'
import { ofType } from './testBoard.ts'

const who = { by: 'ann', why: 'a drill' }

const board = () => story({ db: PLAIN, web: { ...PLAIN, dependsOn: ['db'] }, other: PLAIN })

it('a level is asked of keys there are and keys that come, and lapses with that of the service', async () => {
  const { gear, clock, replays } = await board()
  const { web } = gear.services
  web.for('early').admit().succeed()
  gear.command('db', { name: 'trip', ...who })
  clock.advance(1000)
  web.for('late').admit().succeed()
  const stands = () => [web.path, web.for('early').path, web.for('late').path]
  expect(stands()).toEqual(['degraded.level1', 'degraded.level1', 'degraded.level1'])
  await web.for('early').execute(({ degradation }) => expect(degradation.level).toBe(1))
  gear.command('db', { name: 'reset', ...who })
  clock.advance(6000)
  expect(stands()).toEqual(['closed.watching', 'closed.watching', 'closed.watching'])
  web.for('new').admit().succeed()
  expect(web.for('new').path).toBe('closed.watching')
  replays()
})

it('is renewed with that of the service for a key that is used, and lapses for one that is not', async () => {
  const { gear, clock, journal, replays } = await board()
  const { web } = gear.services
  for (const key of ['busy', 'idle']) web.for(key).admit().succeed()
  gear.command('db', { name: 'trip', ...who })
  for (const key of ['busy', 'idle']) web.for(key).admit().succeed()
  for (let second = 0; second < 60; second++) {
    clock.advance(1000)
    web.for('busy').admit().succeed()
  }
  const moves = ofType(journal.records, 'transition').filter(({ service }) => service.startsWith('web/'))
  expect(moves.map(({ service, to }) => `${service} ${to}`)).toEqual([
    'web/busy degraded.level1',
    'web/idle degraded.level1',
    'web/idle closed.watching',
  ])
  expect(ofType(journal.records, 'directive').filter(({ service }) => service === 'web/busy').length).toBeLessThanOrEqual(5)
  expect(web.for('idle').path).toBe('degraded.level1')
  replays()
})

it('a share holds for keys; a hold does not, as they recover by themselves', async () => {
  const { gear, clock, replays } = await board()
  const { web } = gear.services
  for (let i = 0; i < 3; i++) web.for('sick').admit().fail(new Error('down'))
  const expiresAt = clock.now() + 60_000
  gear.direct('web', { epoch: 1, level: 0, hold: true, expiresAt, rule: 'mine', reason: 'r' })
  clock.advance(20_000)
  expect(web.for('sick').path).toBe('halfOpen')
  gear.direct('web', { epoch: 2, level: 0, hold: true, admissionRatio: 0.5, expiresAt, rule: 'mine', reason: 'r' })
  clock.advance(1)
  let passed = 0
  for (let i = 0; i < 100; i++) if (tries(() => web.for('well').admit().succeed())) passed++
  // The first one always passes.
  expect(passed).toBe(51)
  expect(web.for('sick').path).toBe('halfOpen')
  replays()
})

it("a user's directive for a key counts beside it, and stands again when it has gone", async () => {
  const { gear, clock, replays } = await board()
  const key = gear.services.web.for('t')
  const expiresAt = clock.now() + 60_000
  key.direct({ epoch: 3, level: 2, expiresAt, rule: 'mine', reason: 'r' })
  gear.command('db', { name: 'trip', ...who })
  expect(key.path).toBe('degraded.level2')
  gear.direct('web', { epoch: gear.system.epoch, level: 3, expiresAt: clock.now() + 2000, rule: 'night', reason: 'r' })
  expect(key.path).toBe('degraded.level3')
  clock.advance(2000)
  expect(key.path).toBe('degraded.level2')
  gear.command('db', { name: 'reset', ...who })
  clock.advance(6000)
  expect([gear.services.web.path, key.path]).toEqual(['closed.watching', 'degraded.level2'])
  clock.advance(52_000)
  expect(key.path).toBe('closed.watching')
  replays()
})

it("a user's directive for a key that comes while the service is asked something counts beside that", async () => {
  const { gear, clock, replays } = await board()
  const key = gear.services.web.for('t')
  gear.command('db', { name: 'trip', ...who })
  key.admit().succeed()
  key.direct({ epoch: gear.system.epoch, level: 3, expiresAt: clock.now() + 3000, rule: 'mine', reason: 'r' })
  expect(key.path).toBe('degraded.level3')
  clock.advance(3000)
  expect(key.path).toBe('degraded.level1')
  replays()
})

it('goes on after a restart, and lapses', async () => {
  const file = join(temporaryDirectory(), 'board.jsonl')
  const clock = new VirtualClock()
  const start = async () => {
    const services = { db: PLAIN, web: { ...PLAIN, dependsOn: ['db'] } }
    const gear = await createSwitchgear({ services, journal: { file }, clock, seed: 3 })
    onTestFinished(() => gear.close())
    return gear
  }
  const first = await start()
  first.command('db', { name: 'trip', ...who })
  first.services.web.for('t').admit().succeed()
  const closed = first.services.web.for('t')
  await first.close()
  expect(closed.path).toBe('degraded.level1')
  clock.advance(1000)
  const second = await start()
  const { web } = second.services
  expect([web.path, web.for('t').path, web.for('u').path]).toEqual(['degraded.level1', 'degraded.level1', 'closed.watching'])
  second.command('db', { name: 'reset', ...who })
  clock.advance(6000)
  web.for('t').admit().succeed()
  expect([web.path, web.for('t').path]).toEqual(['closed.watching', 'closed.watching'])
  await second.close()
  expect((await replayJournal(file)).first).toBeUndefined()
})

it('is not asked once more of the breaker of a model by a call that its service has let through', async () => {
  const { gear, clock, journal } = await story({ chat: { ...PLAIN, kind: 'openai' }, other: PLAIN })
  gear.direct('chat', { epoch: 1, level: 0, admissionRatio: 0.5, expiresAt: clock.now() + 9000, rule: 'mine', reason: 'r' })
  const fetch = gear.fetch('chat', { fetch: () => Promise.resolve(new Response('{}', { status: 200 })) })
  const ask = () => fetch('http://localhost/v1/chat/completions', { method: 'POST', body: '{"model":"gpt-4o"}' })
  const answers = await Promise.all(Array.from({ length: 40 }, () => ask().then(({ status }) => status)))
  // The first one always passes.
  expect(answers.filter((status) => status === 200)).toHaveLength(21)
  expect(ofType(journal.records, 'directive').map(({ service }) => service)).toEqual(['chat'])
})

function tries(run: () => void): boolean {
  try {
    run()
    return true
  } catch {
    return false
  }
}
