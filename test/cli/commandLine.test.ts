// What all commands share: help, version, and what is said about mistakes.
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { MAIN, runCli } from './runCli.ts'

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
const COMMANDS = ['demo', 'replay', 'publish', 'tail', 'state', 'serve', 'fleet', 'diagrams', 'asyncapi']

describe('switchgear', { timeout: 30_000 }, () => {
  test('explains itself and names its commands', async () => {
    const { code, stdout, stderr } = await runCli(['--help'])
    expect(code).toBe(0)
    for (const command of COMMANDS) expect(stdout).toMatch(new RegExp(`^  ${command} `, 'm'))
    expect(stderr).toBe('')
  })

  test.each([[], ...COMMANDS.map((command) => [command])])('%s --version tells the version', async (...command) => {
    expect(await runCli([...command.filter(Boolean), '--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' })
  })

  test.each(COMMANDS)('%s --help explains its options', async (command) => {
    const { code, stdout } = await runCli([command, '--help'])
    expect(code).toBe(0)
    expect(stdout).toContain(`Usage: switchgear ${command}`)
    // What `fleet` shows is for people.
    if (command !== 'fleet') expect(stdout).toContain('--json')
  })

  test.each([
    [['rplay', 'x'], "switchgear: unknown command 'rplay'; did you mean replay?\n"],
    [['replay', 'x', '--jsn'], "switchgear: unknown option '--jsn'; did you mean --json?\n"],
    [['replay'], "switchgear: missing required argument 'journal'\n"],
    [['replay', 'a', 'b'], expect.stringMatching(/^switchgear: too many arguments .*\n$/)],
    [['demo', '--seconds', 'x'], expect.stringMatching(/^switchgear: option '--seconds <n>' .* Allowed: 6 to 3600\.\n$/)],
    [['demo', '--seconds', '5'], expect.stringContaining('Allowed: 6 to 3600.')],
    [['demo', '--seconds', ''], expect.stringContaining('Allowed: 6 to 3600.')],
    [['demo', '--seed', '1.5'], expect.stringContaining('Allowed: whole numbers from')],
    [['demo', '--inspect', '70000'], expect.stringContaining('Allowed: 0 to 65535.')],
  ])('%j is refused in one line, with exit code 2', async (args, message) => {
    expect(await runCli(args)).toEqual({ code: 2, stdout: '', stderr: message })
  })

  test('without a command it shows its help on stderr, with exit code 2', async () => {
    const { code, stdout, stderr } = await runCli([])
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toContain('Usage: switchgear')
  })

  test('shows a stack only to those who ask for it', async () => {
    const plain = await runCli(['replay', '/nowhere/to/be/found.jsonl'])
    expect(plain.stderr).toBe('switchgear: /nowhere/to/be/found.jsonl: there is no such file\n')
    const debugged = await runCli(['replay', '/nowhere/to/be/found.jsonl'], { environment: { DEBUG: 'other,switchgear' } })
    expect(debugged.stderr).toContain('\n    at ')
  })

  test('ends quietly when nobody reads on', async () => {
    const child = spawn(process.execPath, [MAIN, 'demo', '--seconds', '6'], { stdio: ['ignore', 'pipe', 'pipe'] })
    let stderr = ''
    child.stderr.on('data', (text) => {
      stderr += text
    })
    child.stdout.once('data', () => child.stdout.destroy())
    const code = await new Promise((resolve) => child.once('close', resolve))
    expect({ code, stderr }).toEqual({ code: 141, stderr: '' })
  })
})
