// `switchgear fleet`: a server, three services and a leader as processes of their own, through an outage and a killed leader.
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { runFleetDemo } from '../../src/cli/fleetDemo/fleetDemoAction.ts'
import type { Programs } from '../../src/cli/fleetDemo/processes.ts'
import { describeWithNats } from '../fleet/natsServer.ts'
import { runCli } from './runCli.ts'
import { heard, runHere } from './runHere.ts'

const program = (path: string): string => fileURLToPath(new URL(`../../dist/cli/${path}`, import.meta.url))
const PROGRAMS: Programs = { service: program('fleetDemo/serviceProgram.js'), switchgear: program('main.js') }

describeWithNats('the demo of the fleet', () => {
  test('trips by quorum, lets one node probe, follows a killed leader, and keeps one ledger', { timeout: 240_000 }, async () => {
    const { signal } = new AbortController()
    const { code, stdout } = await heard(() => runFleetDemo({ seconds: 12, programs: PROGRAMS, signal }))
    expect(code, stdout).toBe(0)
    expect(stdout).toMatch(/orchestrator +leads the fleet/)
    expect(stdout).toMatch(/the fleet +has tripped openai: open on 2 of 3 nodes/)
    expect(stdout).toMatch(/reports +openai: closed → open/)
    expect(stdout).toMatch(/the fleet +openai: (checkout|support|reports) may probe, all others wait/)
    expect(stdout).toMatch(/the fleet +openai is back/)
    expect(stdout).toMatch(/(checkout|support|reports) leads now, \d+\.\d s later; no call has waited for it/)
    expect(stdout.match(/and knows of \$\d+\.\d\d in all/g)).toHaveLength(3)
    expect(stdout).toMatch(
      /shown: tripped by quorum, one node probed, recovered, the leader has a successor, one ledger, calls went on\n$/,
    )
    const pid = Number(/pid (\d+)/.exec(stdout)?.[1])
    expect(() => process.kill(pid, 0)).toThrow()
  })

  test('says so and fails where a service cannot start', { timeout: 90_000 }, async () => {
    const { signal } = new AbortController()
    const programs = { ...PROGRAMS, switchgear: program('no-such.js') }
    await expect(runFleetDemo({ seconds: 12, programs, signal })).rejects.toThrow(/orchestrator has ended: .*no-such\.js/s)
  })

  test('ends all that it has started when it is interrupted', { timeout: 90_000 }, async () => {
    let asked = false
    const { code, stderr, stdout } = await runCli(['fleet', '--seconds', '60'], {
      onOutput: (text, kill) => {
        if (asked || !/leads the fleet/.test(text)) return
        asked = true
        kill('SIGINT')
      },
    })
    expect({ code, stderr }, stdout).toEqual({ code: 130, stderr: '' })
  })
})

describe('without a nats-server', () => {
  test('it says how to get one', async () => {
    const before = process.env.NATS_SERVER_BIN
    process.env.NATS_SERVER_BIN = '/nowhere/nats-server'
    try {
      const { code, stderr } = await runHere('fleet')
      expect({ code, stderr }).toEqual({
        code: 2,
        stderr: expect.stringMatching(/nats-server was not found\. Install it .*apt-get install nats-server/),
      })
    } finally {
      if (before === undefined) delete process.env.NATS_SERVER_BIN
      else process.env.NATS_SERVER_BIN = before
    }
  })

  test.each(['5', '601', 'soon', ''])('and takes no %j seconds', async (seconds) => {
    const { code, stderr } = await runHere('fleet', '--seconds', seconds)
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('Allowed: 12 to 600.') })
  })
})
