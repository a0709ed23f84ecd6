// docs/fleet.md: with the permissions it shows, a node joins and obeys, and can speak for nobody else.
import { readFileSync } from 'node:fs'
import { connect, headers } from '@nats-io/transport-node'
import { afterEach, expect, onTestFinished, test } from 'vitest'
import { createSwitchgear, type Switchgear } from '../../src/switchgear.ts'
import { directive, linkTo, until } from '../bus/nats/natsLink.ts'
import { describeWithNats, natsServer } from '../fleet/natsServer.ts'

const page = readFileSync(new URL('../../docs/fleet.md', import.meta.url), 'utf8')
const config = /<!-- permissions -->\n```text\n([\s\S]*?)```/.exec(page)?.[1] ?? ''

const gears: Switchgear[] = []
afterEach(async () => {
  await Promise.all(gears.splice(0).map((gear) => gear.close()))
})

async function join(servers: string, user: string, password: string, lead: boolean) {
  const gear = await createSwitchgear({
    services: { search: { kind: 'http' } },
    budgets: { daily: 10 },
    bus: { servers, fleet: 'shop', node: user, user, password, inboxPrefix: `_INBOX_${user}`, lead },
  })
  const alerts: string[] = []
  gear.events$.subscribe((event) => {
    if (event.type === 'alert') alerts.push(`${event.code}: ${event.message}`)
  })
  gears.push(gear as unknown as Switchgear)
  return { gear, alerts }
}

describeWithNats('the permissions of the page', () => {
  test('let a leader lead, and a node join, spend and obey, and refuse neither anything it needs', {
    timeout: 60_000,
  }, async () => {
    const { url } = await natsServer({ config })
    const leader = await join(url, 'leader', 'change-1', true)
    // It makes the tables.
    await until(() => leader.gear.fleet?.leads === true && leader.gear.fleet.nodes.has('leader'), 'the tables')
    const node = await join(url, 'checkout-1', 'change-2', false)
    const { gear } = node
    await until(() => gear.fleet?.leader === 'leader' && leader.gear.fleet?.nodes.has('checkout-1') === true, 'the leader')
    await gear.execute('search', () => 'found', { estimate: { cost: 0.25, confidence: 0.9 } })
    await until(() => leader.gear.budgets.spent().day === 0.25, 'the ledger')
    // An operator's word on the bus, which the leader makes a directive of.
    const operator = linkTo(url, 'leader', { fleet: 'shop', user: 'leader', password: 'change-1', inboxPrefix: '_INBOX_leader' })
    await until(() => operator.connected, 'the operator')
    const command = { name: 'trip', by: 'ops', why: 'a test' } as const
    operator.publish({ v: 1, at: Date.now(), type: 'command', node: 'ops', service: 'search', command })
    await until(() => gear.fleet?.directives.get('search')?.hold === true, 'the directive')
    const released = (): boolean => gear.fleet?.directives.get('search')?.hold !== true
    // Said again where a term ended on a busy machine.
    for (let tries = 0; tries < 5 && !released(); tries++) {
      await leader.gear.fleet?.command('search', { name: 'reset', by: 'ops', why: 'the test is over' }).catch(() => undefined)
      await until(released, 'the end of it', 1500).catch(() => undefined)
    }
    expect(released()).toBe(true)
    expect([...node.alerts, ...leader.alerts].filter((alert) => alert.startsWith('fleet_refused'))).toEqual([])
    // This one may only obey.
    await expect(gear.fleet?.command('search', command)).rejects.toThrow('does not allow us to publish to sg.v1.shop.command')
    await operator.close()
  })

  test('keep a node from speaking for another, and a reporter from all but reporting', { timeout: 60_000 }, async () => {
    const { url } = await natsServer({ config })
    const as = (node: string, user: string, password: string) =>
      linkTo(url, node, { fleet: 'shop', user, password, inboxPrefix: `_INBOX_${user}` })
    const forger = as('support-1', 'checkout-1', 'change-2')
    const reporter = as('worker-1', 'worker-1', 'change-3')
    const refused = [forger, reporter].map((link) => {
      const whats: string[] = []
      link.onStatus((status) => {
        if (status.type === 'refused') whats.push(status.what)
      })
      return whats
    })
    await until(() => forger.connected && reporter.connected, 'the connections')
    const at = Date.now()
    forger.publish({ v: 1, at, type: 'outcome', node: 'support-1', service: 'search', result: 'success', latency: 1 })
    reporter.publish({ v: 1, at, type: 'outcome', node: 'worker-1', service: 'search', result: 'success', latency: 1 })
    reporter.publish({
      v: 1,
      at,
      type: 'command',
      node: 'worker-1',
      service: 'search',
      command: { name: 'reset', by: 'x', why: 'y' },
    })
    await until(() => refused[0]?.includes('publish to sg.v1.shop.outcome.search.support-1') === true, 'the forger’s refusal')
    await until(() => refused[1]?.includes('publish to sg.v1.shop.command.search.worker-1') === true, 'the reporter’s refusal')
    expect(refused[1]).not.toContain('publish to sg.v1.shop.outcome.search.worker-1')
  })

  test('keep a node from commanding the fleet, and from forging what the leader or another node has stored', {
    timeout: 60_000,
  }, async () => {
    const { url } = await natsServer({ config })
    const leader = await join(url, 'leader', 'change-1', true)
    await until(() => leader.gear.fleet?.leads === true && leader.gear.fleet.nodes.has('leader'), 'the tables')
    const client = await connect({ servers: url, user: 'checkout-1', pass: 'change-2', inboxPrefix: '_INBOX_checkout-1' })
    onTestFinished(() => client.close())
    const command = { name: 'disable', by: 'x', why: 'y' }
    client.publish('sg.v1.shop.command.search.checkout-1', JSON.stringify({ command }))
    const forge = (table: 'directive' | 'ledger', key: string, entry: object): void => {
      const told = headers()
      told.set('Nats-Stream', `KV_sg_shop_${table === 'directive' ? 'directives' : 'ledger'}`)
      told.set('Nats-Subject', `$KV.sg_shop_${table === 'directive' ? 'directives' : 'ledger'}.${key}`)
      told.set('Nats-Sequence', '1000000')
      client.publish(`sg.v1.shop.${table}.${key}.checkout-1`, JSON.stringify(entry), { headers: told })
    }
    forge('directive', 'search', directive('search', { epoch: 9e15, hold: true, level: 3, admissionRatio: 0 }))
    const { day, month } = calendar()
    const services = { search: { day: 10e9, month: 10e9 } }
    forge('ledger', 'support-1', { v: 1, node: 'support-1', session: 's', day, month, services })
    await client.flush()
    // What comes after them is heard after them.
    client.publish('sg.v1.shop.outcome.search.checkout-1', JSON.stringify({ result: 'success', latency: 1 }))
    const { received = 0 } = leader.gear.fleet?.counters ?? {}
    await client.flush()
    await until(() => (leader.gear.fleet?.counters.received ?? 0) > received, 'the outcome')
    expect(leader.gear.fleet?.directives.get('search')).toBeUndefined()
    expect(leader.gear.budgets.spent().day).toBe(0)
  })
})

/** When this day and this month began, UTC. */
function calendar(): { day: number; month: number } {
  const now = new Date()
  const [year, monthOf, dayOf] = [now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate()]
  return { day: Date.UTC(year, monthOf, dayOf), month: Date.UTC(year, monthOf, 1) }
}
