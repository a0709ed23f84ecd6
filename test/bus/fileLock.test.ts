// The lock of a journal where it meets what no process of ours has left: foreign, half and unreadable ones.
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { codeOf, lockFile } from '../../src/bus/fileLock.ts'
import { JournalError } from '../../src/model/errors.ts'
import { temporaryDirectory } from './journalRecords.ts'

const newFile = () => join(temporaryDirectory(), 'search.jsonl')

it.each(['null', '"a text"', '{}', '{"pid":"a word"}', '{"pid":1.5}'])(
  'a lock that holds %s names nobody and is taken over',
  (text) => {
    const file = newFile()
    writeFileSync(`${file}.lock`, text)
    const lock = lockFile(file)
    expect(JSON.parse(readFileSync(`${file}.lock`, 'utf8'))).toMatchObject({ pid: process.pid })
    lock.release()
  },
)

it('a lock that tells a pid and no machine stands, as its process may be anywhere', () => {
  const file = newFile()
  writeFileSync(`${file}.lock`, '{"pid":1}')
  expect(() => lockFile(file)).toThrow(JournalError)
  expect(readFileSync(`${file}.lock`, 'utf8')).toBe('{"pid":1}')
})

it('a lock that cannot be read is told as the file system tells it, and nothing is left beside it', () => {
  const file = newFile()
  mkdirSync(`${file}.lock`)
  expect(() => lockFile(file)).toThrow(/EISDIR/)
  expect(readdirSync(join(file, '..'))).toEqual(['search.jsonl.lock'])
})

it('a lock that another has taken over is neither touched nor released by the one who lost it', async () => {
  const file = newFile()
  const lock = lockFile(file)
  renameSync(`${file}.lock`, `${file}.aside`)
  writeFileSync(`${file}.lock`, 'of another')
  await lock.touch()
  lock.release()
  expect(readFileSync(`${file}.lock`, 'utf8')).toBe('of another')
})

it('an error has a code where it is an error that has one', () => {
  expect([codeOf(Object.assign(new Error(), { code: 'EIO' })), codeOf(new Error()), codeOf({ code: 'EIO' })]).toEqual([
    'EIO',
    undefined,
    undefined,
  ])
})
