// `switchgear demo`, from its first call to the replay of its journal, in real time and over real sockets.
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { STATES } from '../../src/model/states.ts'
import { runCli } from './runCli.ts'

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'switchgear-test-'))
})
afterEach(() => rm(directory, { recursive: true }))

describe('the demo', { timeout: 180_000 }, () => {
  test('plays its incident through all seven states, and replays its journal', async () => {
    const heard: string[] = []
    const { code, stdout, stderr } = await runCli(['demo', '--seconds', '12', '--out', directory, '--inspect', '0'], {
      environment: { NODE_OPTIONS: `--import ${new URL('./pacedProcess.mjs', import.meta.url).href}` },
      onOutput: (text) => {
        const [, port] = /inspector: http:\/\/127\.0\.0\.1:(\d+)/.exec(text) ?? []
        if (port) new WebSocket(`ws://127.0.0.1:${port}`).on('message', (data) => heard.push(String(data)))
      },
    })
    expect(stderr).toBe('')
    expect(code, stdout).toBe(0)
    for (const state of STATES) expect(stdout).toMatch(new RegExp(`→ ${state}`))
    expect(stdout).toMatch(/\n {2}outage +noticed after \d+\.\d\d s and \d+ failures; refused instead of sent: [1-9]\d*\n/)
    expect(stdout).toMatch(
      /\n {2}cascade +root: openai; lightrag asked for less after \d+\.\d\d s, probed \d+\.\d\d s after openai was back\n/,
    )
    expect(stdout).toContain('! root_cause: openai is down, and lightrag depends on it\n')
    expect(stdout).toContain('(directive.dependency_chain_protection)\n')
    expect(stdout).toMatch(/\n {4}perplexity level 2: cost −70% expected, −\d+% measured \(\d+ calls\)\n/)
    expect(stdout).toMatch(/\n {4}in sum +spent \$\d+\.\d{4}; saved by degradation \$/)
    for (const code of ['quota_warning', 'budget_warning', 'budget_exceeded']) expect(stdout).toContain(`! ${code}: `)
    expect(stdout).toContain(`journal: ${join(directory, 'demo.jsonl')}\n`)
    expect(stdout).toMatch(/\nreplay: identical \([1-9]\d* inputs, [1-9]\d* transitions, 0 differences\)\n$/)
    expect(await readdir(directory)).toEqual(['demo.jsonl'])
    for (const state of STATES) expect(heard.some((text) => text.includes(`"in":"${state}`))).toBe(true)
    const replayed = await runCli(['replay', join(directory, 'demo.jsonl')])
    expect(replayed.code).toBe(0)
    expect(stdout.endsWith(replayed.stdout)).toBe(true)
  })

  test('ends in order when it is interrupted: what was journalled until then replays', async () => {
    let said = 0
    const { code, stdout, stderr } = await runCli(['demo', '--seconds', '60', '--out', directory], {
      onOutput: (_, kill) => {
        if (said++ === 0) kill('SIGINT')
      },
    })
    expect({ code, stderr }).toEqual({ code: 130, stderr: '' })
    const journal = join(directory, 'demo.jsonl')
    expect(stdout).toContain(`stopped; journal: ${journal}\n`)
    expect((await runCli(['replay', journal])).code).toBe(0)
  })

  test('says when the port of the inspector is taken', async () => {
    const taken = createServer()
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
    const { port } = taken.address() as AddressInfo
    const { code, stderr } = await runCli(['demo', '--inspect', String(port), '--out', directory])
    taken.close()
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: `switchgear: port ${port} is taken; choose another with --inspect PORT\n`,
    })
  })
})
