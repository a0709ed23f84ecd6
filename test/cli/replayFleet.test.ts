// `switchgear replay nats://…`: the journals of a fleet's nodes, from a real server.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { readJournalSync } from '../../src/bus/journalReader.ts'
import { JetstreamJournal } from '../../src/bus/nats/jetstreamJournal.ts'
import { busSchema } from '../../src/model/fleet/busConfig.ts'
import type { GearEvent, HeaderRecord, JournalRecord } from '../../src/model/records.ts'
import { VirtualClock } from '../../src/model/virtualClock.ts'
import { createSwitchgear } from '../../src/switchgear.ts'
import { describeWithNats, type NatsServer, natsServer } from '../fleet/natsServer.ts'
import { runHere } from './runHere.ts'

const IDENTICAL = 'replay: identical (11 inputs, 5 transitions, 0 differences)'
const DIFFERS = 'replay: differs (11 inputs, 5 transitions, 1 differences)'

describeWithNats('the journal of a fleet', () => {
  test('replays as it does from a file, node by node', async () => {
    const server = await natsServer()
    const records = await recorded()
    await store(server, 'a', records)
    await store(server, 'b', records.map(altered))
    expect(await runHere('replay', `${server.url}/test?node=a`)).toEqual({ code: 0, stdout: `${IDENTICAL}\n`, stderr: '' })
    const { code, stdout } = await runHere('replay', `${server.url}/test`)
    expect(code).toBe(1)
    expect(stdout.split('\n')[0]).toBe(`a: ${IDENTICAL}`)
    expect(stdout).toContain(`b: ${DIFFERS}`)
    expect(stdout).toContain('First difference: line 4, search')
  })

  test('is told of as JSON', async () => {
    const server = await natsServer()
    await store(server, 'a', await recorded())
    const { stdout } = await runHere('replay', `${server.url}/test`, '--json')
    expect(JSON.parse(stdout)).toMatchObject({
      result: 'identical',
      file: `${server.url}/test`,
      nodes: [{ node: 'a', result: 'identical', inputs: 11, transitions: 5, differences: 0, sessions: 1 }],
    })
  })

  test('ends where it is told to', async () => {
    const server = await natsServer()
    const records = await recorded()
    await store(server, 'a', records)
    const [, , third, fourth] = records.filter(({ type }) => type === 'outcome') as GearEvent[]
    const to = Math.round(((third?.at ?? 0) + (fourth?.at ?? 0)) / 2)
    const { stdout } = await runHere('replay', `${server.url}/test?node=a&to=${to}`)
    expect(stdout).toBe('replay: identical (3 inputs, 0 transitions, 0 differences)\n')
  })

  test('says in one line what is missing, and what cannot be read', async () => {
    const server = await natsServer()
    const none = await runHere('replay', `${server.url}/test`)
    expect(none).toMatchObject({ code: 2, stderr: `switchgear: ${server.url}/test: the fleet has no journal there\n` })
    const nobody = await runHere('replay', `${server.url}/test?node=a`)
    expect(nobody).toMatchObject({ code: 2, stderr: expect.stringContaining('there is no journal of this node') })
    await server.kill()
    const away = await runHere('replay', `${server.url}/test`)
    expect(away.code).toBe(2)
    expect(away.stderr).toMatch(/^switchgear: no connection to .+\n$/)
  })

  test.each([
    ['nats://127.0.0.1:1', 'allowed: nats://host:port/fleet'],
    ['nats://127.0.0.1:1/a.b', 'allowed: nats://host:port/fleet'],
    ['nats://me:secret@127.0.0.1:1/test', '//…@127.0.0.1'],
    ['nats://127.0.0.1:1/test?node=a.b', 'node: got "a.b"'],
    ['nats://127.0.0.1:1/test?from=yesterday', 'from: got "yesterday"'],
    ['nats://127.0.0.1:1/test?until=1', '"until"; allowed: node, from, to'],
  ])('refuses %s', async (address, reason) => {
    const { code, stderr } = await runHere('replay', address)
    expect(code).toBe(2)
    expect(stderr).toContain(reason)
    expect(stderr).not.toContain('secret')
  })
})

/** A board that trips, waits, probes and recovers, as in replay.test.ts. */
async function recorded(): Promise<JournalRecord[]> {
  const directory = await mkdtemp(join(tmpdir(), 'switchgear-test-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  const file = join(directory, 'journal.jsonl')
  const clock = new VirtualClock()
  const search = { kind: 'custom', degrade: false, trip: { consecutiveFailures: 5 }, recoveryTimeout: 1000 } as const
  const calls = { maxProbes: 3, successesToClose: 2, rampDuration: 1000 }
  const gear = await createSwitchgear({ services: { search: { ...search, ...calls } }, journal: { file }, clock, seed: 7 })
  const fail = () => Promise.reject(new Error('down'))
  for (let i = 0; i < 5; i++) {
    clock.advance(100)
    await gear.execute('search', fail).catch(() => undefined)
  }
  clock.advance(120_000)
  for (let i = 0; i < 2; i++) await gear.execute('search', () => 1)
  clock.advance(120_000)
  await gear.close()
  return [...readJournalSync(file)].flatMap((batch) => batch.map(({ record }) => record))
}

function altered(record: JournalRecord): JournalRecord {
  return record.type === 'transition' && record.to === 'halfOpen' ? { ...record, reason: 'something else' } : record
}

async function store({ url }: NatsServer, node: string, [header, ...records]: readonly JournalRecord[]): Promise<void> {
  const journal = new JetstreamJournal({ bus: { ...busSchema.parse({ servers: url, fleet: 'test' }), node } })
  await journal.open(() => header as HeaderRecord)
  for (const record of records) journal.append(record as GearEvent)
  await journal.close()
}
