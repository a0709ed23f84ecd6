// `switchgear replay`: its three answers, on journals written by a real board and then, for two of them, tampered with.
import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FileJournal } from '../../src/bus/fileJournal.ts'
import { readJournalSync } from '../../src/bus/journalReader.ts'
import type { GearEvent, JournalRecord } from '../../src/model/records.ts'
import { VirtualClock } from '../../src/model/virtualClock.ts'
import { createSwitchgear } from '../../src/switchgear.ts'
import { runCli } from './runCli.ts'

let directory: string
let file: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'switchgear-test-'))
  file = join(directory, 'journal.jsonl')
})
afterEach(() => rm(directory, { recursive: true }))

/** Nothing that is counted below is left to the defaults. */
const SERVICES = {
  search: {
    kind: 'custom',
    degrade: false,
    trip: { consecutiveFailures: 5 },
    recoveryTimeout: 1000,
    maxProbes: 3,
    successesToClose: 2,
    rampDuration: 1000,
  },
} as const

/** A board that trips, waits, probes and recovers: 5 failures, a timer, 2 probes that are admitted and answer, a ramp. */
async function record(journal: { file: string; key?: string; maxBytes?: number; keep?: number }, rounds = 1): Promise<void> {
  const clock = new VirtualClock()
  const gear = await createSwitchgear({ services: SERVICES, journal, clock, seed: 7 })
  const fail = () => Promise.reject(new Error('down'))
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < 5; i++) {
      clock.advance(100)
      await gear.execute('search', fail).catch(() => undefined)
    }
    clock.advance(120_000)
    for (let i = 0; i < 2; i++) await gear.execute('search', () => 1)
    clock.advance(120_000)
    // A file is rotated between two writes.
    if (round % 10 === 9) await gear.flush()
  }
  await gear.close()
}

/** The journal written anew, with each record as `change` makes it; its checksums are right again. */
async function rewrite(change: (record: JournalRecord) => JournalRecord | undefined): Promise<void> {
  const records = [...readJournalSync(file)].flatMap((batch) => batch.map(({ record }) => record)).map(change)
  await rm(file)
  const journal = new FileJournal({ file })
  const [header, ...events] = records
  await journal.open(() => header as Extract<JournalRecord, { type: 'header' }>)
  for (const event of events) if (event) journal.append(event as GearEvent)
  await journal.close()
}

/** Enough for a few rotations. */
const ROUNDS = 100
const IDENTICAL = 'replay: identical (11 inputs, 5 transitions, 0 differences)\n'

describe('a journal that replays as it was recorded', { timeout: 30_000 }, () => {
  test('is identical, with exit code 0', async () => {
    await record({ file })
    expect(await runCli(['replay', file])).toEqual({ code: 0, stdout: IDENTICAL, stderr: '' })
  })

  test('is told of as JSON', async () => {
    await record({ file })
    const { code, stdout } = await runCli(['replay', file, '--json'])
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toEqual({
      ...{ result: 'identical', file, inputs: 11, transitions: 5, differences: 0, sessions: 1, dropped: 0 },
    })
  })

  test('may be encrypted, with its key in a file in any form', async () => {
    const key = randomBytes(32)
    await record({ file, key: key.toString('hex') })
    for (const form of [key, `${key.toString('hex')}\n`, key.toString('base64')]) {
      await writeFile(join(directory, 'key'), form)
      expect(await runCli(['replay', file, '--key-file', join(directory, 'key')])).toMatchObject({ code: 0, stdout: IDENTICAL })
    }
  })

  test('may be spread over rotated files', async () => {
    await record({ file, maxBytes: 65_536, keep: 100 }, ROUNDS)
    const whole = await runCli(['replay', file, '--rotated', '--json'])
    expect(JSON.parse(whole.stdout)).toMatchObject({ result: 'identical', inputs: 11 * ROUNDS, transitions: 5 * ROUNDS })
    const last = await runCli(['replay', file, '--json'])
    expect(JSON.parse(last.stdout)).toMatchObject({ result: 'identical', sessions: 1 })
    expect(JSON.parse(last.stdout).inputs).toBeLessThan(11 * ROUNDS)
  })

  test('may end in a line that a crash cut short, which is told', async () => {
    await record({ file })
    const text = await readFile(file, 'utf8')
    await writeFile(file, text.slice(0, -10))
    const { code, stdout } = await runCli(['replay', file])
    expect(code).toBe(0)
    expect(stdout).toMatch(/^replay: identical .*\nnote: line \d+ was cut short by a crash; its \d+ bytes were skipped\n$/)
  })
})

describe('a journal that replays otherwise', { timeout: 30_000 }, () => {
  test('differs, with exit code 1, and the first difference is shown with what led there', async () => {
    await record({ file })
    await rewrite((entry) =>
      entry.type === 'transition' && entry.to === 'open.cooling' ? { ...entry, to: 'open.forced' } : entry,
    )
    const { code, stdout, stderr } = await runCli(['replay', file])
    expect(code).toBe(1)
    expect(stderr).toBe('')
    expect(stdout).toMatch(/^replay: differs \(11 inputs, 5 transitions, 1 differences\)\n/)
    expect(stdout).toContain('\nFirst difference: line 7, search: the transition differs\n')
    expect(stdout).toMatch(/^ {2}from +closed\.watching +closed\.watching$/m)
    expect(stdout).toMatch(/^≠ to +open\.forced +open\.cooling$/m)
    expect(stdout.match(/^≠/gm)).toHaveLength(1)
    expect(stdout).toContain('The last inputs of search before it:')
    expect(stdout).toMatch(/^ {2}line 2 +-0\.400 s {2}failure unknown_error in 0 ms of generation 0$/m)
    expect(stdout).toMatch(/^ {2}line 6 +0\.000 s {2}failure unknown_error in 0 ms of generation 0$/m)
  })

  test('shows an empty side where a transition is missing', async () => {
    await record({ file })
    await rewrite((entry) => (entry.type === 'transition' && entry.to === 'halfOpen' ? undefined : entry))
    const { code, stdout } = await runCli(['replay', file])
    expect(code).toBe(1)
    expect(stdout).toContain('a transition happens that was not recorded')
    expect(stdout).toMatch(/^ .*recorded \(nothing\) +replayed$/m)
    expect(stdout).toMatch(/^≠ to +– +halfOpen$/m)
  })

  test('is told of as JSON, with both sides', async () => {
    await record({ file })
    await rewrite((entry) => (entry.type === 'transition' && entry.to === 'open.cooling' ? { ...entry, generation: 9 } : entry))
    const { code, stdout } = await runCli(['replay', file, '--json'])
    expect(code).toBe(1)
    const { result, first } = JSON.parse(stdout)
    expect(result).toBe('differs')
    expect(first).toMatchObject({ line: 7, service: 'search', recorded: { generation: 9 }, replayed: { generation: 1 } })
    expect(first.trail).toHaveLength(5)
  })
})

describe('a journal that cannot be read', { timeout: 30_000 }, () => {
  test('is named with its line and the reason, with exit code 2', async () => {
    await record({ file })
    const lines = (await readFile(file, 'utf8')).split('\n')
    lines[3] = lines[3]!.replace('failure', 'success')
    await writeFile(file, lines.join('\n'))
    const { code, stdout, stderr } = await runCli(['replay', file])
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toMatch(/^switchgear: .*journal\.jsonl:4: .+\n$/)
    const asJson = await runCli(['replay', file, '--json'])
    expect(asJson.code).toBe(2)
    expect(JSON.parse(asJson.stdout)).toEqual({ result: 'unreadable', file, line: 4, reason: expect.stringMatching(/./) })
  })

  test.each([
    ['is empty', '', /:1: the file is empty/],
    ['is something else', 'hello\nworld\n', /:1: ./],
  ])('when it %s', async (_, text, reason) => {
    await writeFile(file, text)
    const { code, stderr } = await runCli(['replay', file])
    expect(code).toBe(2)
    expect(stderr).toMatch(reason)
  })

  test('when it is a directory', async () => {
    expect(await runCli(['replay', directory])).toMatchObject({
      code: 2,
      stderr: `switchgear: ${directory}: it is a directory\n`,
    })
  })

  test('when it is encrypted, and the key is missing, wrong, or no key', async () => {
    await record({ file, key: randomBytes(32).toString('hex') })
    expect(await runCli(['replay', file])).toMatchObject({ code: 2, stderr: expect.stringContaining('encrypted') })
    const key = join(directory, 'key')
    const withKey = () => runCli(['replay', file, '--key-file', key])
    expect(await withKey()).toMatchObject({
      code: 2,
      stderr: `switchgear: ${key}: the key cannot be read: there is no such file\n`,
    })
    await writeFile(key, randomBytes(32))
    expect(await withKey()).toMatchObject({ code: 2, stderr: expect.stringContaining('cannot be decrypted') })
    await writeFile(key, 'short')
    expect(await withKey()).toMatchObject({ code: 2, stderr: expect.stringContaining('32') })
  })
})
