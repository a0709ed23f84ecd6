// The commands as one program, within the process: what each answers to good and bad usage, and the exit code it leaves.
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { FileJournal } from '../../src/bus/fileJournal.ts'
import { readJournalSync } from '../../src/bus/journalReader.ts'
import type { GearEvent, HeaderRecord } from '../../src/model/records.ts'
import { VirtualClock } from '../../src/model/virtualClock.ts'
import { createSwitchgear } from '../../src/switchgear.ts'
import { runHere } from './runHere.ts'

let directory: string
let file: string
beforeEach(async () => {
  vi.stubEnv('NO_COLOR', '1')
  directory = await mkdtemp(join(tmpdir(), 'switchgear-test-'))
  file = join(directory, 'journal.jsonl')
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await rm(directory, { recursive: true })
})

/** Five failures that trip a breaker. */
async function record(key?: string): Promise<void> {
  const services = { search: { kind: 'custom', degrade: false, trip: { consecutiveFailures: 5 } } } as const
  const journal = key === undefined ? { file } : { file, key }
  const gear = await createSwitchgear({ services, journal, clock: new VirtualClock(), seed: 7 })
  for (let i = 0; i < 5; i++) await gear.execute('search', () => Promise.reject(new Error('down'))).catch(() => undefined)
  await gear.close()
}

/** The same journal, where the breaker is said to have been tripped by hand. */
async function tamper(): Promise<void> {
  const records = [...readJournalSync(file)].flatMap((batch) => batch.map((entry) => entry.record))
  await rm(file)
  const journal = new FileJournal({ file })
  await journal.open(() => records[0] as HeaderRecord)
  for (const entry of records.slice(1)) {
    journal.append((entry.type === 'transition' ? { ...entry, to: 'open.forced' } : entry) as GearEvent)
  }
  await journal.close()
}

describe('usage', () => {
  test.each([
    [['rplay', 'x'], "switchgear: unknown command 'rplay'; did you mean replay?\n"],
    [['replay'], "switchgear: missing required argument 'journal'\n"],
    [['demo', '--seconds', '5'], expect.stringContaining('Allowed: 6 to 3600.')],
    [['demo', '--seconds', ' '], expect.stringContaining('Allowed: 6 to 3600.')],
    [['demo', '--seed', '1.5'], expect.stringContaining('Allowed: whole numbers from')],
    [['demo', '--inspect', '70000'], expect.stringContaining('Allowed: 0 to 65535.')],
  ])('%j is refused in one line', async (args, stderr) => {
    expect(await runHere(...args)).toEqual({ code: 2, stdout: '', stderr })
  })

  test('help is no failure', async () => {
    const { code, stdout } = await runHere('help', 'demo')
    expect(code).toBe(0)
    expect(stdout).toContain('Usage: switchgear demo')
  })

  test('a stack is shown to those who ask for it', async () => {
    expect((await runHere('replay', join(directory, 'none'))).stderr).not.toContain('    at ')
    vi.stubEnv('DEBUG', 'other,switchgear')
    expect((await runHere('replay', join(directory, 'none'))).stderr).toContain('\n    at ')
  })
})

describe('replay', () => {
  test('says that a journal is identical, in words and as JSON', async () => {
    await record()
    expect(await runHere('replay', file)).toEqual({
      ...{ code: 0, stdout: 'replay: identical (5 inputs, 1 transitions, 0 differences)\n', stderr: '' },
    })
    expect(JSON.parse((await runHere('replay', file, '--json')).stdout)).toMatchObject({ result: 'identical', inputs: 5, file })
  })

  test('shows the first difference, and exits with 1', async () => {
    await record()
    await tamper()
    const { code, stdout } = await runHere('replay', file)
    expect(code).toBe(1)
    expect(stdout).toMatch(/^replay: differs \(5 inputs, 1 transitions, 1 differences\)\n/)
    expect(stdout).toMatch(/^≠ to +open\.forced +open\.cooling$/m)
    const asJson = await runHere('replay', file, '--json')
    expect([asJson.code, JSON.parse(asJson.stdout).result]).toEqual([1, 'differs'])
  })

  test('tells of a line that was cut short', async () => {
    await record()
    await writeFile(file, '{"type":"outc', { flag: 'a' })
    const { code, stdout } = await runHere('replay', file)
    expect(code).toBe(0)
    expect(stdout).toMatch(/\nnote: line \d+ was cut short by a crash; its 13 bytes were skipped\n$/)
  })

  test('reads an encrypted journal with the key as bytes or as text', async () => {
    const key = Buffer.alloc(32, 200)
    await record(key.toString('hex'))
    for (const form of [key, `${key.toString('base64')}\n`]) {
      await writeFile(join(directory, 'key'), form)
      expect((await runHere('replay', file, '--key-file', join(directory, 'key'))).stdout).toMatch(/^replay: identical/)
    }
    expect(await runHere('replay', file)).toMatchObject({ code: 2, stderr: expect.stringContaining('encrypted') })
  })

  test('names the file and the reason where it cannot read', async () => {
    expect(await runHere('replay', directory)).toEqual({
      ...{ code: 2, stdout: '', stderr: `switchgear: ${directory}: it is a directory\n` },
    })
    const none = join(directory, 'none')
    const { code, stdout } = await runHere('replay', none, '--key-file', none, '--json')
    expect(code).toBe(2)
    expect(JSON.parse(stdout)).toEqual({
      ...{ result: 'unreadable', file: none, reason: 'the key cannot be read: there is no such file' },
    })
    await writeFile(file, '')
    const empty = await runHere('replay', file, '--json', '--rotated')
    expect(JSON.parse(empty.stdout)).toMatchObject({ result: 'unreadable', line: 1, reason: expect.stringContaining('empty') })
    // A reason the system gives, for which there are no words of our own.
    expect(await runHere('replay', `${file}/below`)).toMatchObject({ code: 2, stderr: expect.stringContaining('ENOTDIR') })
  })
})

describe('diagrams', { timeout: 30_000 }, () => {
  test('are drawn, found well, and found stale with the command that mends them', async () => {
    const out = join(directory, 'drawn')
    expect((await runHere('diagrams', '--out', out)).stdout).toMatch(/^(\d+) files drawn, \1 changed\n$/)
    expect((await runHere('diagrams', '--out', out, '--check')).stdout).toMatch(/ files show the machines as they are\n$/)
    const [first = ''] = await readdir(out)
    await writeFile(join(out, first), 'stale')
    const stale = await runHere('diagrams', '--out', out, '--check')
    expect(stale).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining(`To mend: switchgear diagrams --out ${out}\n`),
    })
    expect(JSON.parse((await runHere('diagrams', '--out', out, '--check', '--json')).stdout).stale).toEqual([join(out, first)])
    const docs = join(directory, 'tables.md')
    await writeFile(docs, '# Tables\n')
    expect((await runHere('diagrams', '--out', out, '--docs', docs, '--check')).stderr).toContain(`--out ${out} --docs ${docs}\n`)
    // What can be read and is no file is an error, not a drawing that is missing.
    await rm(join(out, first))
    const unreadable = await runHere('diagrams', '--out', join(out, 'a\0b'), '--check')
    expect(unreadable.code).toBe(1)
    expect(unreadable.stderr).toMatch(/^switchgear: .*null bytes/)
  })
})
