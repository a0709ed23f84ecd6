// A smoke test of the built package, in plain JavaScript, for the versions of Node it promises to run on.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSwitchgear, replayJournal } from 'switchgear'
import { VirtualClock } from 'switchgear/testing'

const directory = mkdtempSync(join(tmpdir(), 'switchgear-smoke-'))
try {
  const file = join(directory, 'search.jsonl')
  const clock = new VirtualClock()
  const board = () => createSwitchgear({ services: { search: { recoveryTimeout: 30_000 } }, journal: { file }, clock })
  const fail = () => Promise.reject(new Error('down'))

  let gear = await board()
  assert.equal(await gear.execute('search', () => 'found'), 'found')
  for (let i = 0; i < 5; i++) await assert.rejects(gear.execute('search', fail), /down/)
  await assert.rejects(gear.execute('search', fail), { code: 'ERR_SWITCHGEAR_OPEN' })
  await gear.close()

  gear = await board()
  assert.equal(gear.state('search'), 'open')
  clock.advance(40_000)
  for (let i = 0; i < 2; i++) await gear.execute('search', () => 'found')
  assert.equal(gear.state('search'), 'closed')
  await gear.close()

  const { inputs, transitions, differences } = await replayJournal(file)
  assert.equal(differences, 0)
  assert.equal(createRequire(import.meta.url)('switchgear').createSwitchgear, createSwitchgear)
  console.log(`smoke: ${process.version}, ${inputs} inputs, ${transitions} transitions, 0 differences`)
} finally {
  rmSync(directory, { recursive: true, force: true })
}
