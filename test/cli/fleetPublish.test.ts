// `switchgear publish` against a real server: what it sends is heard, and what it cannot do it says in one line.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from '@nats-io/transport-node'
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { busConfigOf } from '../../src/cli/fleet/connectionFlags.ts'
import { openBus } from '../../src/cli/fleet/openBus.ts'
import { linesOf } from '../../src/cli/publish/lines.ts'
import { type PublishFlags, runPublish } from '../../src/cli/publish/publishAction.ts'
import { systemClock } from '../../src/model/clock.ts'
import { readMessages } from '../../src/model/fleet/readMessages.ts'
import type { WireMessage } from '../../src/model/fleet/wire.ts'
import { Due } from '../../src/model/timer.ts'
import { describeWithNats, freePort, type NatsServer, natsServer } from '../fleet/natsServer.ts'
import { MAIN } from './runCli.ts'
import { heard, runHere } from './runHere.ts'

const FLEET = ['--fleet', 'shop', '--node', 'worker-1']
const FAILED = ['--result', 'failure', '--failure', 'timeout', '--latency', '30000']

beforeEach(() => {
  vi.stubEnv('NO_COLOR', '1')
})
afterEach(() => {
  vi.unstubAllEnvs()
})

describeWithNats('publish', () => {
  test('tells one outcome, and that the server has it', async () => {
    const { server, listen } = await setUp()
    const all = await listen()
    const measured = [
      '--count',
      '3',
      '--model',
      'gpt-5',
      '--cost',
      '0.2',
      '--input-tokens',
      '8',
      '--output-tokens',
      '9',
      '--quality',
      '1',
    ]
    const { code, stdout, stderr } = await runHere('publish', 'openai', ...FAILED, ...measured, ...FLEET, '--server', server.url)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toBe(`1 published to sg.v1.shop.outcome.openai.worker-1; ${server.url} has it\n`)
    expect(await all(1)).toMatchObject([
      {
        ...{ service: 'openai', node: 'worker-1', result: 'failure', failure: 'timeout', latency: 30_000, count: 3 },
        ...{ model: 'gpt-5', cost: 0.2, usage: { input: 8, output: 9 }, quality: 1, id: expect.stringMatching(/^\w+-0$/) },
      },
    ])
  })

  test('reads lines, sends what is good and tells what is not', async () => {
    const { server, listen } = await setUp()
    const all = await listen()
    const lines = [
      '{"result":"success","latency":5}',
      '',
      'nonsense',
      '{"service":"search","node":"worker-2","result":"success","latency":7,"id":"mine"}',
      '{"type":"alert","level":"info","code":"hello","message":"x"}',
      '{"result":"sucess","latency":5}',
      '{"type":"hello"}',
      '{"service":"a b"}',
      '{"node":"a b"}',
      '[]',
      '{"result":"success","latency":6}',
    ]
    const flags: PublishFlags = { server: server.url, fleet: 'shop', node: 'worker-1', stdin: true, json: true }
    const { code, stdout, stderr } = await heard(() => runPublish('openai', flags, inPieces(lines.join('\n'), 7)))
    expect(code).toBe(1)
    expect(JSON.parse(stdout)).toEqual({
      ...{ published: 4, refused: 6, server: server.url },
      subjects: ['sg.v1.shop.outcome.openai.worker-1', 'sg.v1.shop.outcome.search.worker-2', 'sg.v1.shop.alert.openai.worker-1'],
    })
    expect(stderr).toContain('line 3: it is no JSON\n')
    expect(stderr).toContain('line 6: result: got "sucess"; allowed:')
    expect(stderr).toContain('line 10: it is no JSON object\n')
    const messages = await all(4)
    expect(messages.map(({ service, id }) => `${service} ${id?.replace(/^\w+-/, '')}`)).toEqual([
      ...['openai 1', 'search mine', 'openai 5', 'openai 11'],
    ])
    const words = await heard(() =>
      runPublish('openai', { ...flags, json: false }, inPieces('{}\n{"result":"success","latency":1}', 9)),
    )
    expect(words.stderr).toContain('1 line was wrong and not sent')
  })

  test('is made of the name of this machine where nobody is named', async () => {
    const { server, listen } = await setUp()
    const all = await listen()
    await runHere('publish', '*', ...FAILED, '--fleet', 'shop', '--server', server.url, '--json')
    expect(await all(1)).toMatchObject([{ service: '*', node: expect.stringMatching(/^cli-/) }])
  })

  test('says what the server does not allow, with exit code 1', async () => {
    const { server } = await setUp(`authorization { users = [
      { user: worker-1, password: secret, permissions: { publish: "sg.v1.shop.outcome.*.worker-1", subscribe: { deny: ">" } } }
    ] }`)
    const password = join(mkdtempSync(join(tmpdir(), 'switchgear-cli-')), 'password')
    writeFileSync(password, 'secret\n')
    const as = ['--server', server.url, '--user', 'worker-1', '--password-file', password]
    expect(await runHere('publish', 'openai', ...FAILED, ...FLEET, ...as)).toMatchObject({ code: 0 })
    const other = await runHere('publish', 'openai', ...FAILED, ...FLEET, '--node', 'worker-2', ...as)
    expect(other).toEqual({
      ...{ code: 1, stdout: '' },
      stderr: `switchgear: ${server.url} does not allow us to publish to sg.v1.shop.outcome.openai.worker-2\n`,
    })
    writeFileSync(password, 'wrong')
    const stranger = await runHere('publish', 'openai', ...FAILED, ...FLEET, ...as)
    expect(stranger).toMatchObject({ code: 1, stderr: expect.stringMatching(/ does not let us in: /) })
    expect(stranger.stderr).not.toContain('wrong')
    const listening = await runHere('tail', '--fleet', 'shop', '--server', server.url, '--for', '1')
    expect(listening.code).toBe(1)
  })

  test('gives up on a server that does not answer', async () => {
    const { server } = await setUp()
    const config = busConfigOf({ server: server.url, fleet: 'shop' })
    const bus = await openBus(config, { name: 'test' })
    server.pause()
    // From now on whoever would wait for seconds waits a tenth of one.
    const arm = systemClock.arm.bind(systemClock)
    const hasty = vi.spyOn(systemClock, 'arm').mockImplementation((timer, dueAt) => {
      const now = systemClock.now()
      arm(timer, timer instanceof Due && dueAt > now + 2500 ? now + 100 : dueAt)
    })
    onTestFinished(() => hasty.mockRestore())
    const message = `${server.url} does not answer: whether it has what was sent is not known`
    // A signal takes its time; what was on its way is still answered.
    await vi.waitFor(() => expect(bus.confirm()).rejects.toMatchObject({ exitCode: 2, message }), 20_000)
    await bus.close()
    await expect(openBus(config, { name: 'test' })).rejects.toMatchObject({ exitCode: 2 })
  })

  test('gives up on a server that takes the connection and says nothing, and leaves no socket behind', async () => {
    const { silent, url } = await silentServer()
    const opened = openBus(busConfigOf({ server: url, fleet: 'shop' }), { name: 'test', patience: 100 })
    const refused = expect(opened).rejects.toMatchObject({ exitCode: 2, message: `no connection to ${url}: it does not answer` })
    const [socket] = await once(silent, 'connection')
    socket.resume()
    await Promise.all([refused, once(socket, 'close')])
  })

  test('is not waited for any more once the command is to end', async () => {
    const { silent, url } = await silentServer()
    const stop = new AbortController()
    const opened = openBus(busConfigOf({ server: url, fleet: 'shop' }), { name: 'test', signal: stop.signal })
    const refused = expect(opened).rejects.toMatchObject({ exitCode: 130, message: 'interrupted' })
    await once(silent, 'connection')
    stop.abort()
    await refused
  })

  test('ends when it is told to, though its input says nothing more', { timeout: 60_000 }, async () => {
    const { server, listen } = await setUp()
    const messages = await listen()
    const child = spawn(process.execPath, [MAIN, 'publish', 'openai', '--stdin', ...FLEET, '--server', server.url])
    let stdout = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
    })
    child.stdin.write('{"result":"success","latency":5}\n')
    await messages(1)
    child.kill('SIGTERM')
    expect(await once(child, 'close')).toEqual([130, null])
    expect(stdout).toMatch(/^1 published to /)
  })

  test('gives up on a server that is not there, with exit code 2', async () => {
    const nowhere = `nats://127.0.0.1:${await freePort()}`
    const { code, stderr } = await runHere('publish', 'openai', ...FAILED, ...FLEET, '--server', nowhere)
    expect(code).toBe(2)
    expect(stderr).toMatch(/^switchgear: no connection to nats:\/\/127\.0\.0\.1:\d+: .*ECONNREFUSED.*\n$/)
  })
})

describe('usage', () => {
  test.each([
    [['publish', ...FAILED], 2, "missing required argument 'service'"],
    [['publish', 'a b', ...FAILED], 2, 'the service "a b"; allowed: 1 to 64 letters'],
    [['publish', 'a', ...FAILED, '--node', 'a.b'], 2, '--node: got "a.b"'],
    [['publish', 'a', '--result', 'failed'], 2, 'Allowed choices are success, failure, ignored, rejected.'],
    [['publish', 'a', '--result', 'failure', '--latency', 'x'], 2, 'Allowed: a number.'],
    [['publish', 'a', '--result', 'failure', '--latency', ''], 2, 'Allowed: a number.'],
    [['publish', 'a', '--result', 'failure'], 1, 'latency: missing; allowed: a number of ms'],
    [['publish', 'a', ...FAILED, '--input-tokens', '1'], 1, 'usage.output: missing'],
    [['publish', 'a', ...FAILED, '--server', 'http://x y'], 2, '--server: got "http://x y"; allowed: nats://host:port'],
    [['publish', 'a', ...FAILED, '--fleet', 'a.b'], 2, '--fleet: got "a.b"'],
    [['publish', 'a', ...FAILED, '--creds', '/nowhere'], 2, '--creds: /nowhere cannot be read: ENOENT'],
    [['publish', 'a', ...FAILED, '--tls-ca', '/nowhere'], 2, '--tls-ca: /nowhere cannot be read'],
    [['publish', 'a', ...FAILED, '--inbox-prefix', '*'], 2, '--inbox-prefix: '],
    [['tail', '--type', 'outcom'], 2, 'Allowed choices are outcome,'],
    [['tail', '--for', '0'], 2, 'Allowed: a number above 0.'],
    [['tail', '--service', 'a.b'], 2, '--service: got "a.b"'],
    [['tail', '--node', '*'], 2, '--node: got "*"'],
  ])('%j is refused in one line', async (args, code, words) => {
    const run = await runHere(...args)
    expect(run).toMatchObject({ code, stdout: '' })
    expect(run.stderr).toContain(words)
    expect(run.stderr.trim().split('\n').length).toBe(1)
  })

  test('the flags of a connection make its configuration', () => {
    const directory = mkdtempSync(join(tmpdir(), 'switchgear-cli-'))
    const file = join(directory, 'file')
    writeFileSync(file, 'secret\n')
    const base = { server: 'nats://a:1, tls://b:2', fleet: 'shop' }
    expect(busConfigOf(base)).toMatchObject({ servers: ['nats://a:1', 'tls://b:2'], fleet: 'shop' })
    const { token } = busConfigOf({ ...base, tokenFile: file })
    expect(token?.reveal()).toBe('secret')
    expect(busConfigOf({ ...base, nkey: file, tls: true })).toMatchObject({ nkeySeed: file, tls: true })
    const tls = { tlsCa: file, tlsCert: file, tlsKey: file }
    expect(busConfigOf({ ...base, ...tls }).tls).toEqual({ ca: file, cert: file, key: file })
    expect(() => busConfigOf({ ...base, creds: file, nkey: file })).toThrow('only one of')
    expect(() => busConfigOf({ ...base, tlsCert: file })).toThrow('--tls-cert and --tls-key: cert and key go together')
    expect(() => busConfigOf({ ...base, passwordFile: file })).toThrow('--password-file: a password needs a user')
  })
})

test('a credential that went away meanwhile is told', async () => {
  const config = { ...busConfigOf({ server: 'nats://a:1', fleet: 'shop' }), credentials: '/nowhere' }
  await expect(openBus(config, { name: 'test' })).rejects.toMatchObject({
    exitCode: 2,
    message: expect.stringContaining('/nowhere'),
  })
})

test('lines that come in pieces are put together, letters of several bytes too, and one that has no end is cut', async () => {
  const text = 'ä\n\nb\nç\n'
  const lines: unknown[] = []
  for await (const some of linesOf(inPieces(text, 1))) lines.push(...some)
  expect(lines).toEqual([
    { text: 'ä', number: 1 },
    { text: 'b', number: 3 },
    { text: 'ç', number: 4 },
  ])
  for await (const [line] of linesOf(inPieces('x'.repeat(400_000), 100_000))) {
    expect(line?.text.length).toBeLessThan(240_000)
  }
})

async function* inPieces(text: string, size: number): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

/** Takes connections, and says nothing. */
async function silentServer(): Promise<{ silent: Server; url: string }> {
  const silent = createServer().listen(0, '127.0.0.1')
  onTestFinished(() => void silent.close())
  await once(silent, 'listening')
  return { silent, url: `nats://127.0.0.1:${(silent.address() as AddressInfo).port}` }
}

interface SetUp {
  readonly server: NatsServer
  /** Resolves to the way to wait for so many messages. */
  readonly listen: () => Promise<(count: number) => Promise<readonly WireMessage[]>>
}

async function setUp(config?: string): Promise<SetUp> {
  const server = await natsServer({ jetstream: false, ...(config === undefined ? undefined : { config }) })
  return {
    server,
    listen: async () => {
      const client = await connect({ servers: server.url })
      const found: WireMessage[] = []
      client.subscribe('sg.v1.>', {
        callback: (_, message) => void found.push(...readMessages(message.subject, message.data, 1_767_225_600_000).messages),
      })
      await client.flush()
      return async (count) => {
        await vi.waitFor(() => expect(found.length).toBe(count), 20_000)
        await client.close()
        return found
      }
    },
  }
}
