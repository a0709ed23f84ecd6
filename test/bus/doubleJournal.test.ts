// A journal that is kept twice, of which one may fail.
import { expect, test } from 'vitest'
import { DoubleJournal } from '../../src/bus/doubleJournal.ts'
import type { Journal } from '../../src/bus/journal.ts'
import { header, numbered } from './journalRecords.ts'

/** Notes what it is asked for. */
function noting(more: Partial<Journal> = {}): Journal & { readonly done: string[] } {
  const done: string[] = []
  const note = (what: string) => async () => void done.push(what)
  return {
    done,
    open: note('open'),
    append: ({ type }) => void done.push(type),
    flush: note('flush'),
    close: note('close'),
    ...more,
  }
}

const fails = () => Promise.reject(new Error('no room'))

test('both are opened, told of each record, flushed and closed', async () => {
  const [one, other] = [noting(), noting()]
  const journal = new DoubleJournal(one, other)
  await journal.open(header)
  journal.append(numbered(1))
  await journal.flush()
  await journal.close()
  expect([one.done, other.done]).toEqual(Array(2).fill(['open', numbered(1).type, 'flush', 'close']))
})

test('one that cannot be opened closes the other, and says why', async () => {
  for (const first of [true, false]) {
    const [good, bad] = [noting(), noting({ open: fails, close: fails })]
    const journal = first ? new DoubleJournal(bad, good) : new DoubleJournal(good, bad)
    await expect(journal.open(header)).rejects.toThrow('no room')
    expect(good.done).toEqual(['open', 'close'])
  }
})

test.each(['flush', 'close'] as const)('one that cannot %s keeps the other from nothing, and says why', async (what) => {
  let done = false
  const later = async (): Promise<void> => {
    await new Promise((resolve) => setImmediate(resolve))
    done = true
  }
  const slow = noting({ [what]: later })
  const journal = new DoubleJournal(noting({ [what]: fails }), slow)
  await expect(journal[what]()).rejects.toThrow('no room')
  expect(done).toBe(true)
})
