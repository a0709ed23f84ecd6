// A machine without nats-server: whoever runs the tests is told, once and with the way to get it.
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { temporaryDirectory } from '../bus/journalRecords.ts'
import { findNatsServer } from './natsBinary.ts'
import { setup } from './natsNotice.ts'

afterEach(() => {
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
})

test.each([
  ['', 1],
  // There the tests that need it fail, and say the same.
  ['true', 0],
])('where nats-server is missing the run says what it skips and how to get it (CI=%j: %i times)', (ci, times) => {
  const warned = vi.spyOn(console, 'warn').mockImplementation(() => {})
  vi.stubEnv('NATS_SERVER_BIN', '/nowhere/nats-server')
  vi.stubEnv('CI', ci)
  setup()
  expect(warned).toHaveBeenCalledTimes(times)
  for (const [words] of warned.mock.calls) {
    expect(words).toMatch(/SKIPPED: the tests of the fleet.*apt-get install nats-server.*NATS_SERVER_BIN/s)
  }
})

test('nats-server is found on the PATH, or where NATS_SERVER_BIN says, and nowhere else', () => {
  const directory = temporaryDirectory()
  const file = join(directory, 'nats-server')
  writeFileSync(file, '')
  chmodSync(file, 0o755)
  vi.stubEnv('NATS_SERVER_BIN', '')
  vi.stubEnv('PATH', `/nowhere:${directory}`)
  expect(findNatsServer()).toBe(file)
  vi.stubEnv('NATS_SERVER_BIN', join(directory, 'other'))
  expect(findNatsServer()).toBeUndefined()
  vi.stubEnv('NATS_SERVER_BIN', file)
  vi.stubEnv('PATH', '')
  expect(findNatsServer()).toBe(file)
})
