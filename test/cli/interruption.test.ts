// Ctrl-C: what the first and the second signal do, and what the commands say when they are stopped.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { runDemo } from '../../src/cli/demo/demoRun.ts'
import { interruption } from '../../src/cli/interruption.ts'
import { VirtualClock } from '../../src/model/virtualClock.ts'
import { createSwitchgear } from '../../src/switchgear.ts'
import { heard, runHere } from './runHere.ts'

vi.mock('../../src/cli/demo/demoRun.ts', () => ({ runDemo: vi.fn() }))

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'switchgear-test-'))
})
afterEach(() => rm(directory, { recursive: true }))

test('the first signal asks to end, the commands end in order, and the second ends the process', async () => {
  const others = process.listeners('SIGINT')
  const signal = interruption()
  const [stop] = process.listeners('SIGINT').filter((listener) => !others.includes(listener))
  expect(signal.aborted).toBe(false)
  expect(interruption()).toBe(signal)

  const first = await heard(async () => stop?.('SIGINT'))
  expect([first.code, signal.aborted]).toEqual([130, true])

  const journal = join(directory, 'demo.jsonl')
  vi.mocked(runDemo).mockRejectedValue(new Error('stopped'))
  expect((await runHere('demo', '--out', directory)).stdout).toBe(`stopped; journal: ${journal}\n`)

  const gear = await createSwitchgear({
    ...{ services: { search: { kind: 'custom' } }, journal: { file: journal }, clock: new VirtualClock(), seed: 1 },
  })
  await gear.execute('search', () => 1)
  await gear.close()
  expect(await runHere('replay', journal)).toMatchObject({ stdout: '', stderr: '' })

  const exit = vi.spyOn(process, 'exit').mockImplementation(() => {
    throw new Error('ended')
  })
  expect(() => stop?.('SIGINT')).toThrow('ended')
  expect(exit).toHaveBeenCalledWith(130)
  exit.mockRestore()
})
