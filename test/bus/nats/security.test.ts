// Servers that let not everybody in, and not everybody do everything.
import { copyFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { nkeys } from '@nats-io/transport-node'
import { expect, test } from 'vitest'
import type { BusInput } from '../../../src/model/fleet/busConfig.ts'
import { VirtualClock } from '../../../src/model/virtualClock.ts'
import { describeWithNats, natsServer } from '../../fleet/natsServer.ts'
import { temporaryDirectory } from '../journalRecords.ts'
import { connected, directive, linkTo, outcome, ready, statusesOf, until } from './natsLink.ts'
import { patienceWithLeases } from './patience.ts'
import { userCredentials } from './userCredentials.ts'

const USERS = `authorization { users = [
  { user: service, password: one, permissions: {
      publish: ["sg.v1.test.outcome.search.reporter"], subscribe: ["_INBOX.>"] } }
  { user: node, password: two }
  { user: own, password: three, permissions: { publish: [">"], subscribe: ["sg.v1.test.>", "_MINE.>"] } }
] }`
const fixture = (name: string): string => fileURLToPath(new URL(`../../fixtures/tls/${name}`, import.meta.url))
const TLS = `tls { cert_file: "${fixture('server.pem')}", key_file: "${fixture('server.key')}" }`
const MUTUAL = TLS.replace('}', `, ca_file: "${fixture('ca.pem')}", verify: true }`)

patienceWithLeases()

describeWithNats('a server with users', () => {
  test('one who may only report outcomes reports them, and is told what it may not', async () => {
    const { url } = await natsServer({ config: USERS })
    const reporter = linkTo(url, 'reporter', { user: 'service', password: 'one' })
    const node = linkTo(url, 'node', { user: 'node', password: 'two' })
    const statuses = statusesOf(reporter)
    const heard: string[] = []
    node.subscribe('*', ({ type, service }) => heard.push(`${type} ${service}`))
    await connected(reporter, node)
    await ready(node)
    reporter.publish(outcome('reporter', { service: 'other' }))
    reporter.publish(outcome('reporter'))
    reporter.directives.put('search', directive('search'))
    await until(() => heard.length > 0, 'the outcome')
    const refused = (what: string) => ({ type: 'refused', what })
    await until(() => statuses.some((status) => 'what' in status && status.what.includes('$JS.API')), 'the refusals')
    expect(statuses).toContainEqual(refused('publish to sg.v1.test.outcome.other.reporter'))
    expect(statuses).toContainEqual(refused('subscribe to sg.v1.test.directive.>'))
    expect(heard).toEqual(['outcome search'])
    expect(node.directives.entries.size).toBe(0)
    await expect(reporter.lease.take()).rejects.toThrow()
    expect(reporter.connected).toBe(true)
  })

  test('one who may not have answers is told so once, however often it asks', async () => {
    const { url } = await natsServer({
      config: 'authorization { users: [{ user: deaf, password: one, permissions: { subscribe: "sg.v1.>" } }] }',
    })
    const link = linkTo(url, 'deaf', { user: 'deaf', password: 'one' })
    const statuses = statusesOf(link)
    await connected(link)
    for (let i = 0; i < 3; i++) await expect(link.lease.take()).rejects.toThrow('_INBOX')
    const refused = statuses.filter(({ type }) => type === 'refused')
    expect(refused).toEqual([{ type: 'refused', what: 'subscribe to _INBOX.>' }])
  })

  test('a wrong password is told, and once it is right all goes on', async () => {
    const server = await natsServer({ config: USERS })
    const link = linkTo(server.url, 'a', { user: 'node', password: 'wrong' })
    const statuses = statusesOf(link)
    link.publish(outcome('a'))
    await until(() => statuses.length > 0, 'the refusal')
    expect(statuses).toEqual([{ type: 'refused', what: expect.stringMatching(/^connect: .*authorization/i) }])
    expect(JSON.stringify(statuses)).not.toContain('wrong')
    await server.kill()
    await server.start({ config: USERS.replace('two', 'wrong') })
    await connected(link)
    await until(() => link.counters.published === 1, 'the message')
  })

  test('who may listen since the last connection hears messages and changes, as who always might', async () => {
    const config = (subjects: string): string =>
      `authorization { users: [{ user: node, password: one, permissions: { subscribe: [${subjects}] } }, { user: all, password: two }] }`
    const server = await natsServer({ config: config('"_INBOX.>"') })
    // No time passes for it: nothing is found by looking.
    const link = linkTo(server.url, 'a', { user: 'node', password: 'one' }, { clock: new VirtualClock() })
    const statuses = statusesOf(link)
    const heard: string[] = []
    link.subscribe('outcome', ({ node }) => heard.push(node))
    await until(() => statuses.filter(({ type }) => type === 'refused').length === 4, 'the refusals')
    await server.kill()
    await server.start({ config: config('">"') })
    await until(() => link.connected && !link.directives.behind, 'another connection')
    const other = linkTo(server.url, 'b', { user: 'all', password: 'two' })
    await connected(other)
    other.publish(outcome('b'))
    other.directives.put('search', directive('search'))
    await until(() => heard.length === 1 && link.directives.entries.has('search'), 'the message and the change')
    expect(heard).toEqual(['b'])
  })

  test('answers may come back on an inbox of our own', async () => {
    const { url } = await natsServer({ config: USERS })
    const link = linkTo(url, 'a', { user: 'own', password: 'three', inboxPrefix: '_MINE' })
    await ready(link)
    expect((await link.lease.take()).held).toBe(true)
  })

  test('a token lets in', async () => {
    const { url } = await natsServer({ config: 'authorization { token: "open sesame" }' })
    await ready(linkTo(url, 'a', { token: 'open sesame' }))
  })

  test('the seed of an nkey lets in', async () => {
    const pair = nkeys.createUser()
    const { url, directory } = await natsServer({ config: `authorization { users = [ { nkey: ${pair.getPublicKey()} } ] }` })
    const nkeySeed = join(directory, 'seed.nk')
    writeFileSync(nkeySeed, `${Buffer.from(pair.getSeed())}\n`)
    await ready(linkTo(url, 'a', { nkeySeed }))
  })

  test('a file of credentials lets in, once it is there', async () => {
    const directory = temporaryDirectory()
    const { config, file } = userCredentials(directory)
    // JetStream would need a system account too.
    const { url } = await natsServer({ config, jetstream: false })
    await connected(linkTo(url, 'a', { credentials: file }))
    const late = linkTo(url, 'late', { credentials: join(directory, 'late.creds') })
    const statuses = statusesOf(late)
    await until(() => statuses.length > 0, 'a word about it')
    expect(statuses).toEqual([{ type: 'trouble', code: 'unreachable', message: expect.stringContaining('late.creds') }])
    copyFileSync(file, join(directory, 'late.creds'))
    await connected(late)
  })
})

describeWithNats('a server that speaks TLS', () => {
  test.each([
    ['with its authority', TLS, { tls: { ca: fixture('ca.pem') } }],
    ['and asks for a certificate of ours', MUTUAL, mutual()],
  ] satisfies [string, string, Partial<BusInput>][])('is spoken to %s', async (_, config, more) => {
    const { url } = await natsServer({ config, scheme: 'tls' })
    await ready(linkTo(url, 'a', more))
  })

  test('is not spoken to when nobody vouches for it, or when it speaks plain text', async () => {
    const [safe, plain] = [await natsServer({ config: TLS, scheme: 'tls' }), await natsServer()]
    const links = [linkTo(safe.url, 'a'), linkTo(`tls://127.0.0.1:${plain.port}`, 'b'), linkTo(plain.url, 'c', { tls: true })]
    const all = links.map(statusesOf)
    for (const [i, link] of links.entries()) {
      const statuses = all[i] ?? []
      await until(() => statuses.length > 0, 'a word about it')
      expect(statuses).toEqual([{ type: 'trouble', code: 'unreachable', message: expect.stringMatching(/certificate|tls/i) }])
      expect(link.connected).toBe(false)
    }
  })
})

function mutual(): Partial<BusInput> {
  return { tls: { ca: fixture('ca.pem'), cert: fixture('client.pem'), key: fixture('client.key') } }
}
