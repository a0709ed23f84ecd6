// `switchgear tail` against a real server, and how it shows what it hears.
import { connect } from '@nats-io/transport-node'
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { runProgram } from '../../src/cli/program.ts'
import { busEvents } from '../../src/cli/tail/busEvent.ts'
import { eventLine } from '../../src/cli/tail/eventLine.ts'
import { Screen } from '../../src/cli/tail/screen.ts'
import { hearsAll, subjectsOf } from '../../src/cli/tail/tailed.ts'
import { styleFor } from '../../src/cli/terminal/style.ts'
import { systemClock } from '../../src/model/clock.ts'
import { encodeRejection } from '../../src/model/fleet/rejection.ts'
import { rejectedSubject, tableSubject } from '../../src/model/fleet/subjects.ts'
import type { Timer } from '../../src/model/timerWheel.ts'
import { describeWithNats, type NatsServer, natsServer } from '../fleet/natsServer.ts'
import { AT, bytesOf, DIRECTIVE, LEDGER, messageBytes, NODE, OUTCOME, SAMPLES, subjectOf } from '../model/fleet/samples.ts'
import type { CliRun } from './runCli.ts'
import { heard } from './runHere.ts'

const REJECTION = {
  v: 1,
  at: AT,
  by: 'leader-1',
  subject: 'sg.v1.default.outcome.a.b',
  reason: 'latency: missing',
  count: 3,
} as const
const plain = styleFor({}, { NO_COLOR: '1' })

beforeEach(() => {
  vi.stubEnv('NO_COLOR', '1')
})
afterEach(() => {
  vi.unstubAllEnvs()
})

const at = { server: 'x', fleet: 'default' }

describeWithNats('tail', () => {
  test('shows live what every node says, what the leader wants, and what was refused', async () => {
    const server = await natsServer({ jetstream: false })
    const { code, stdout, stderr } = await tailing(
      server,
      [],
      [
        ...Object.values(SAMPLES).map((sample) => [subjectOf(sample), messageBytes(sample)] as const),
        [tableSubject('default', 'directives', 'openai'), bytesOf(DIRECTIVE)],
        [tableSubject('default', 'nodes', 'web-1'), bytesOf(NODE)],
        [tableSubject('default', 'ledger', 'web-1'), bytesOf(LEDGER)],
        [rejectedSubject('default'), encodeRejection(REJECTION)],
        ['sg.v1.other.outcome.openai.web-1', bytesOf(OUTCOME)],
        [subjectOf(OUTCOME), bytesOf('nonsense')],
      ],
      Object.keys(SAMPLES).length + 4,
    )
    expect({ code, stderr }).toEqual({ code: 0, stderr: `listening to the fleet default on ${server.url}\n` })
    const types = stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.split(/\s+/)[1])
    expect(types).toEqual([...Object.keys(SAMPLES), 'directive', 'node', 'rejected', 'unreadable'])
  })

  test('filters by type, service and node, and prints JSON', async () => {
    const server = await natsServer({ jetstream: false })
    const other = { ...OUTCOME, service: 'search' }
    const { stdout } = await tailing(
      server,
      ['--json', '--type', 'outcome', 'directive', '--service', 'openai'],
      [
        [subjectOf(other), messageBytes(other)],
        [subjectOf(OUTCOME), messageBytes(OUTCOME)],
        [subjectOf(SAMPLES.alert), messageBytes(SAMPLES.alert)],
        [tableSubject('default', 'nodes', 'web-1'), bytesOf(NODE)],
        [tableSubject('default', 'directives', 'openai'), bytesOf(DIRECTIVE)],
      ],
      2,
    )
    expect(
      stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual([OUTCOME, { type: 'directive', ...DIRECTIVE }])
  })

  test('says which messages never came, by the gaps in their numbers', async () => {
    const server = await natsServer({ jetstream: false })
    const numbered = (seq: number): readonly [string, Uint8Array] => {
      const message = { ...OUTCOME, id: `${seq}`, seq }
      return [subjectOf(message), messageBytes(message)]
    }
    const { stderr } = await tailing(server, [], [numbered(1), numbered(2), numbered(6)], 3)
    expect(stderr).toContain('switchgear: 3 messages were sent and never came\n')
  })

  // The last one here: once asked to end, every command of this process is.
  test('goes on after the server was away, and ends in order on Ctrl-C', { timeout: 60_000 }, async () => {
    const server = await natsServer({ jetstream: false })
    const { code, stdout, stderr } = await heard(async () => {
      const tail = runTail(server, [])
      await vi.waitFor(() => expect(said('listening')).toBe(true), 20_000)
      await server.kill()
      await vi.waitFor(() => expect(said('connection is lost')).toBe(true), 20_000)
      await server.start()
      await vi.waitFor(() => expect(said('connected again')).toBe(true), 20_000)
      await send(server, [[subjectOf(OUTCOME), messageBytes(OUTCOME)]])
      await vi.waitFor(() => expect(vi.mocked(process.stdout.write)).toHaveBeenCalled(), 20_000)
      process.emit('SIGINT')
      await tail
    })
    expect(code).toBe(130)
    expect(stderr).toContain('what is said meanwhile is missed')
    expect(stdout).toContain('3 × failure')
  })
})

describe('a choice of what to hear', () => {
  test.each([
    [{}, ['sg.v1.default.*.*.*', 'sg.v1.default.directive.>', 'sg.v1.default.node.>', 'sg.v1.default.rejected']],
    [{ service: 'a' }, ['sg.v1.default.*.a.*', 'sg.v1.default.directive.a']],
    [{ node: 'n' }, ['sg.v1.default.*.*.n', 'sg.v1.default.node.n']],
    [{ type: ['outcome', 'ledger'] }, ['sg.v1.default.outcome.*.*', 'sg.v1.default.ledger.>']],
    [{ type: ['rejected'] }, ['sg.v1.default.rejected']],
    [{ type: ['directive'], service: '*' }, ['sg.v1.default.directive._all']],
    [{ type: ['node'], node: 'n' }, ['sg.v1.default.node.n']],
  ])('%j subscribes to no more than that', (flags, subjects) => {
    expect(subjectsOf({ ...at, ...flags })).toEqual(subjects)
  })

  test('gaps in numbers mean something only where no message of a sender is left out', () => {
    expect([hearsAll(at), hearsAll({ ...at, service: 'a' }), hearsAll({ ...at, type: ['node'] })]).toEqual([true, false, false])
    expect(hearsAll({ ...at, type: ['outcome'], node: 'n' })).toBe(true)
  })
})

describe('a line', () => {
  const line = (subject: string, body: unknown, removed = false): string =>
    busEvents(subject, bytesOf(body), removed, AT)
      .map((event) => eventLine(event, plain))
      .join('\n')

  test('tells each message in few words', () => {
    const lines = Object.values(SAMPLES).map((sample) => line(subjectOf(sample), sample).replace(/^00:00:00\.000 /, ''))
    expect(lines).toEqual([
      'outcome    openai       web-1        3 × failure timeout 504 in 13 ms (2 slow) (come back in 1000 ms) by gpt-5 for $0.0200 as a probe',
      expect.stringContaining('signal limit (mode paced, until'),
      'transition openai       web-1        closed.watching → open.cooling (failure_rate)',
      'command    openai       web-1        command trip by ann: a release',
      'finding    *            web-1        found cascade among openai, search',
      'alert      openai       web-1        error: the quota is gone',
      'decision   openai       web-1        fallback because of ERR_SWITCHGEAR_OPEN: cache failed',
    ])
  })

  test('leaves out what an outcome does not tell', () => {
    const least = { result: 'rejected', latency: 0, slow: 0 }
    expect(line(subjectOf(OUTCOME), least)).toBe('00:00:00.000 outcome    openai       web-1        rejected in 0 ms')
    const paid = { result: 'success', latency: 1, cost: 2.5 }
    expect(line(subjectOf(OUTCOME), paid)).toMatch(/success in 1 ms for \$2\.50$/)
  })

  test('tells entries of tables, and those that are gone', () => {
    expect(line(tableSubject('default', 'directives', 'openai'), DIRECTIVE)).toContain(
      'open, probes on web-1 only, tripped by quorum (3 of 5 nodes open), come back in 12000 ms; fleet_trip: 3 of 5 nodes have opened (epoch 12)',
    )
    const { probe: _1, trip: _2, retryAfterMs: _3, ...least } = DIRECTIVE
    const degraded = { ...least, state: 'degraded', level: 2, admissionRatio: 0.25 }
    expect(line(tableSubject('default', 'directives', 'openai'), degraded)).toContain(
      'degraded, level 2, admits 25%, no probes; fleet_trip',
    )
    expect(line(tableSubject('default', 'nodes', 'web-1'), NODE)).toContain('openai open.cooling (leads, switchgear 0.1.0)')
    expect(line(tableSubject('default', 'nodes', 'web-1'), { ...NODE, leads: false, software: '' })).toMatch(
      /openai open\.cooling$/,
    )
    expect(line(tableSubject('default', 'nodes', 'web-1'), { ...NODE, services: {}, dropped: 4 })).toContain(
      'no services (leads, dropped 4 messages',
    )
    expect(line(tableSubject('default', 'ledger', 'web-1'), LEDGER)).toContain('openai $1.50 this day, $40.00 this month')
    expect(line(tableSubject('default', 'ledger', 'web-1'), { ...LEDGER, services: {} })).toContain('nothing spent')
    expect(line(tableSubject('default', 'directives', 'openai'), '', true)).toMatch(
      /removed +openai +- +is gone from directives$/,
    )
  })

  test('tells what was refused and what cannot be read, and lets nothing command the terminal', () => {
    expect(line(rejectedSubject('default'), REJECTION)).toContain(
      'leader-1     sg.v1.default.outcome.a.b: latency: missing (and 2 more)',
    )
    expect(line(rejectedSubject('default'), { ...REJECTION, count: 1 })).not.toContain('more)')
    expect(line(rejectedSubject('default'), 'x')).toContain('sg.v1.default.rejected: it is no rejection')
    expect(line(tableSubject('default', 'nodes', 'web-2'), NODE)).toContain('node: got "web-1"')
    expect(line(subjectOf(SAMPLES.alert), { ...SAMPLES.alert, message: '\u001b[2J' })).not.toMatch(/\p{Cc}/u)
  })

  test('bears the colours of states and results where colours are seen', () => {
    const style = styleFor({}, { FORCE_COLOR: '1' })
    for (const result of ['success', 'failure', 'ignored', 'rejected']) {
      const [event] = busEvents(subjectOf(OUTCOME), bytesOf({ ...OUTCOME, result }), false, AT)
      expect(event && eventLine(event, style)).toContain('\u001b[1mopenai')
    }
    for (const sample of Object.values(SAMPLES)) expect(eventLine(sample, style)).toContain('\u001b[')
  })
})

test('lines that nobody reads as fast as they come are counted, not kept', () => {
  const written: string[] = []
  const output = { writableLength: 0, write: (text: string) => written.push(text) }
  const screen = new Screen(output)
  screen.print('a')
  output.writableLength = 2_000_000
  screen.print('b')
  screen.print('c')
  output.writableLength = 0
  screen.print('d')
  expect(written).toEqual(['a\n', 'd\n'])
  expect(screen.unshown).toBe(2)
})

type Sent = readonly (readonly [subject: string, bytes: Uint8Array])[]

/** What tail says of what is sent once it listens. Its time is over when it has shown `lines` of them, the last one sent among them. */
async function tailing(server: NatsServer, flags: readonly string[], messages: Sent, lines: number): Promise<CliRun> {
  const arm = systemClock.arm.bind(systemClock)
  const hour = 3_600_000
  let end: Timer | undefined
  const armed = vi.spyOn(systemClock, 'arm').mockImplementation((timer, dueAt) => {
    if (dueAt > systemClock.now() + hour / 2) end = timer
    else arm(timer, dueAt)
  })
  onTestFinished(() => armed.mockRestore())
  return heard(async () => {
    const tail = runTail(server, ['--for', String(hour / 1000), ...flags])
    await vi.waitFor(() => expect(said('listening')).toBe(true), 20_000)
    await send(server, messages)
    const written = (): number => vi.mocked(process.stdout.write).mock.calls.length
    await vi.waitFor(() => expect(written()).toBeGreaterThanOrEqual(lines), 20_000)
    end?.fire(systemClock.now())
    await tail
  })
}

function runTail(server: NatsServer, flags: readonly string[]): Promise<void> {
  return runProgram(['node', 'switchgear', 'tail', '--server', server.url, '--fleet', 'default', ...flags])
}

async function send(server: NatsServer, messages: Sent): Promise<void> {
  const client = await connect({ servers: server.url })
  for (const [subject, bytes] of messages) client.publish(subject, bytes)
  await client.flush()
  await client.close()
}

function said(words: string): boolean {
  return vi.mocked(console.error).mock.calls.some(([text]) => String(text).includes(words))
}
