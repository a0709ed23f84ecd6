// `switchgear serve`: a node that makes no calls and leads, its log, its configuration, and its end.
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { runServe, type ServeFlags } from '../../src/cli/serve/serveAction.ts'
import { createSwitchgear } from '../../src/switchgear.ts'
import { heard, runHere } from '../cli/runHere.ts'
import { describeWithNats, type NatsServer, natsServer } from './natsServer.ts'

function file(content: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'switchgear-serve-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  const name = join(directory, 'switchgear.yaml')
  writeFileSync(name, content)
  return name
}

const until = (what: () => unknown): Promise<unknown> => vi.waitUntil(what, { timeout: 20_000 })

describeWithNats('switchgear serve', () => {
  test('leads a fleet of others, logs what is of note, and ends in order with 0', async () => {
    const server = await natsServer()
    // A term that a busy machine does not end.
    const config = file(`services: {}\nbus: { servers: ${server.url}, fleet: served, lease: 10000 }\n`)
    const controller = new AbortController()
    const flags: ServeFlags = { server: 'nats://127.0.0.1:1', fleet: 'other', config, node: 'brain', json: true }
    const ran = heard(() => runServe(flags, () => false, controller.signal))
    const services = { search: { kind: 'http' } } as const
    const open = (node: string) =>
      createSwitchgear({ services, bus: { servers: server.url, fleet: 'served', node, lead: false } })
    const gears = [await open('one'), await open('two')]
    onTestFinished(async () => void (await Promise.all(gears.map((gear) => gear.close()))))
    await until(() => gears.every(({ fleet }) => fleet?.leader === 'brain' && fleet.nodes.size === 3))
    for (let calls = 0; calls < 12; calls++) {
      for (const gear of gears) {
        await gear
          .execute('search', () => Promise.reject(Object.assign(new Error('503'), { status: 503 })))
          .catch(() => undefined)
      }
    }
    await until(() => gears.some(({ fleet }) => fleet?.directives.get('search')?.state === 'open'))
    controller.abort()
    const { code, stdout } = await ran
    const news = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string; text: string; at: number })
    expect(code).toBe(0)
    expect(news.map(({ type }) => type)).toEqual(expect.arrayContaining(['leader', 'trip', 'service', 'alert']))
    expect(news.filter(({ type }) => type === 'leader').map(({ text }) => text)).toEqual([
      'this node leads',
      'this node leads no more',
    ])
    await until(() => gears.every(({ fleet }) => fleet?.nodes.has('brain') === false))
  }, 60_000)

  test('what is given on the command line is stronger than the file, and people read lines', async () => {
    const server = await natsServer()
    const config = file('services: {}\nbus: { servers: "127.0.0.1:1", fleet: other }\n')
    const controller = new AbortController()
    const flags: ServeFlags = { server: server.url, fleet: 'served', config, node: 'brain' }
    const { stdout } = await heard(async () => {
      const served = runServe(flags, (flag) => flag === 'server' || flag === 'fleet', controller.signal)
      await until(() => vi.mocked(console.log).mock.calls.some(([line]) => String(line).includes('this node leads')))
      controller.abort()
      await served
    })
    expect(stdout).toMatch(/^\S+Z leader +.*this node leads.*\[brain\]$/m)
  }, 60_000)
})

/** What two nodes suffer, which then stop, under a `serve` of these flags, until the fleet has been tripped; its exit code. */
async function aTripUnder(server: NatsServer, flags: Partial<ServeFlags>, more = ''): Promise<number | null> {
  const config = file(`services: {}\nbus: { servers: ${server.url}, fleet: served, lease: 1000, ${LITTLE} ${more} }\n`)
  const controller = new AbortController()
  const all = { server: server.url, fleet: 'served', config, node: 'brain', json: true, ...flags }
  const ran = heard(() => runServe(all, () => false, controller.signal))
  const services = { search: { kind: 'http' } } as const
  const open = (node: string) => createSwitchgear({ services, bus: { servers: server.url, fleet: 'served', node, lead: false } })
  const gears = [await open('one'), await open('two')]
  await until(() => gears.every(({ fleet }) => fleet?.leader === 'brain' && fleet.nodes.size === 3))
  const down = (): Promise<never> => Promise.reject(Object.assign(new Error('503'), { status: 503 }))
  for (let calls = 0; calls < 12; calls++) {
    for (const gear of gears) await gear.execute('search', down).catch(() => undefined)
  }
  await until(() => gears.some(({ fleet }) => fleet?.directives.get('search')?.state === 'open'))
  await Promise.all(gears.map((gear) => gear.close()))
  controller.abort()
  return (await ran).code
}

const LITTLE = 'limits: { journalBytes: 16777216 },'

describeWithNats('the journals of switchgear serve', () => {
  test.each([
    ['where the configuration asks for them', {}, 'journal: true'],
    ['where the command line does', { journal: true }, ''],
  ])(
    'are in the fleet’s stream %s, and replay',
    async (_, flags, more) => {
      const server = await natsServer()
      expect(await aTripUnder(server, flags, more)).toBe(0)
      const { code, stdout } = await runHere('replay', `${server.url}/served`, '--json')
      const { nodes } = JSON.parse(stdout) as { nodes: { node: string; result: string; transitions: number }[] }
      expect([code, new Set(nodes.map(({ result }) => result))]).toEqual([0, new Set(['identical'])])
      // On a machine that is very busy a term may be lost and another begun.
      expect(nodes.map(({ node }) => node.replace(/\d+$/, ''))).toEqual(expect.arrayContaining(['brain', 'leader-']))
      expect(nodes.find(({ node, transitions }) => node.startsWith('leader-') && transitions > 0)).toBeDefined()
    },
    60_000,
  )

  test('are files of a directory, if one is named', async () => {
    const server = await natsServer()
    const directory = join(mkdtempSync(join(tmpdir(), 'switchgear-serve-')), 'journals')
    onTestFinished(() => rmSync(dirname(directory), { recursive: true, force: true }))
    expect(await aTripUnder(server, { journal: directory }, 'journal: true')).toBe(0)
    const [brain, ...terms] = readdirSync(directory).sort()
    expect([brain, terms.length > 0]).toEqual(['brain.jsonl', true])
    for (const term of terms) {
      expect(term).toMatch(/^leader-\d+\.jsonl$/)
      const { code, stdout } = await runHere('replay', join(directory, term))
      expect([code, stdout]).toEqual([0, expect.stringMatching(/^replay: identical \(\d+ inputs, /)])
    }
    expect((await runHere('replay', `${server.url}/served`)).stderr).toContain('the fleet has no journal there')
  }, 60_000)

  test('are refused in one line where they cannot be', async () => {
    const server = await natsServer()
    const taken = file('')
    const { code, stderr } = await runHere('serve', '--server', server.url, '--journal', join(taken, 'below'))
    expect([code, stderr]).toEqual([2, expect.stringContaining(taken)])
  })
})

test.each([
  [['serve', '--node', 'a b'], /--node: got "a b"; allowed: 1 to 64/],
  [['serve', '--config', '/nowhere/switchgear.yaml'], /nowhere/],
  [['serve', '--server', 'nats://ada:geheim@host'], /--server/],
])('%j cannot be run as asked', async (args, words) => {
  const { code, stderr } = await runHere(...args)
  expect([code, stderr]).toEqual([2, expect.stringMatching(words)])
})
