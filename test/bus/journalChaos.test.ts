import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { FileJournal } from '../../src/bus/fileJournal.ts'
import { readLastSession } from '../../src/bus/journalReader.ts'
import { header, numbersOf, recordsIn, temporaryDirectory } from './journalRecords.ts'

const WRITER = fileURLToPath(new URL('./chaosWriter.mjs', import.meta.url))

/** Lets a writer run, kills it a moment after its first acknowledgement, and tells the last number it acknowledged. */
function writeAndKill(file: string, first: number, lifetimeMs: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [WRITER, file, String(first)])
    let out = ''
    let err = ''
    child.stderr.on('data', (data) => {
      err += data
    })
    child.stdout.on('data', (data) => {
      if (out === '') setTimeout(() => child.kill('SIGKILL'), lifetimeMs)
      out += data
    })
    child.on('error', reject)
    child.on('close', (_, signal) => {
      if (signal !== 'SIGKILL') reject(new Error(`the writer ended by itself: ${err}`))
      else resolve(Number(out.slice(0, out.lastIndexOf('\n')).split('\n').at(-1)))
    })
  })
}

/** Kills `kills` writers of one file, one after the other, each going on where the journal of the one before ends. */
async function killWriters(file: string, kills: number): Promise<void> {
  let next = 1
  for (let kill = 0; kill < kills; kill++) {
    const acknowledged = await writeAndKill(file, next, Math.random() * 4)
    // Reading throws at a record that is not whole; a torn last line alone is let pass, as it was never acknowledged.
    const numbers = numbersOf(recordsIn(file, { rotated: true }))
    expect(numbers.findIndex((number, i) => number !== i + 1)).toBe(-1)
    expect(numbers.length).toBeGreaterThanOrEqual(acknowledged)
    expect(acknowledged).toBeGreaterThanOrEqual(next)
    next = numbers.length + 1
  }
}

describe('a process that is killed while it writes its journal', () => {
  it('has lost no record it had acknowledged, left none that reads torn, and can be followed: 100 kills', {
    timeout: 180_000,
  }, async () => {
    const directory = temporaryDirectory()
    const lane = async (name: string) => {
      for (let i = 0; i < 2; i++) await killWriters(join(directory, `${name}${i}.jsonl`), 10)
    }
    await Promise.all(['a', 'b', 'c', 'd', 'e'].map(lane))
    const file = join(directory, 'a1.jsonl')
    const before = numbersOf(recordsIn(file, { rotated: true })).length
    const journal = new FileJournal({ file })
    await journal.open(header)
    await journal.close()
    expect([...readLastSession(file)].flat().map(({ record }) => record)).toEqual([header('start')])
    expect(numbersOf(recordsIn(file, { rotated: true }))).toHaveLength(before)
  })
})
