// Runs the command line within the test's own process, and collects what it says: for what needs no process of its own.
import { vi } from 'vitest'
import { runProgram } from '../../src/cli/program.ts'
import type { CliRun } from './runCli.ts'

// Colours and stacks depend on who runs the tests, unless they are asked for.
for (const name of ['NO_COLOR', 'FORCE_COLOR', 'DEBUG']) delete process.env[name]

/** What `act` prints, and the exit code it leaves. */
export async function heard(act: () => Promise<unknown>): Promise<CliRun> {
  const said = { stdout: '', stderr: '' }
  const into = (stream: keyof typeof said, text: string): true => {
    said[stream] += text
    return true
  }
  const spies = [
    vi.spyOn(console, 'log').mockImplementation((text: unknown) => void into('stdout', `${text}\n`)),
    vi.spyOn(console, 'error').mockImplementation((text: unknown) => void into('stderr', `${text}\n`)),
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => into('stdout', String(text))),
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => into('stderr', String(text))),
  ]
  const before = process.exitCode
  process.exitCode = undefined
  try {
    await act()
    return { code: Number(process.exitCode ?? 0), ...said }
  } finally {
    process.exitCode = before
    for (const spy of spies) spy.mockRestore()
  }
}

export function runHere(...args: string[]): Promise<CliRun> {
  return heard(() => runProgram(['node', 'switchgear', ...args]))
}
