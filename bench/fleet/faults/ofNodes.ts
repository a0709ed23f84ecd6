// Faults of nodes, and of strangers on the bus.
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { messageSubject, tableSubject } from '../../../src/model/fleet/subjects.ts'
import { moment } from '../protocol.ts'
import { ILL, type TrialFleet, WELL } from '../trialFleet.ts'
import { type Fault, sleep, type Trial } from './fault.ts'

const AHEAD: Readonly<Record<string, number>> = { a: 5000, b: -5000, l2: 5000 }

export const clocksApart: Fault = {
  name: 'clocks 5 s apart',
  words:
    'The clock of node a goes 5 s ahead, that of b 5 s behind, that of the second leader 5 s ahead; leaders change. `tripped`: from the ' +
    'second node being open until the third is opened by the fleet.',
  node: (name) => ({ clockAhead: AHEAD[name] ?? 0 }),
  async act({ fleet, run }) {
    const times = await story(fleet)
    // So that each of the two clocks leads in half of the runs.
    const leader = fleet.leader
    if (leader && run % 2 === 1) {
      await leader.stop()
      fleet.start(leader.node)
      await fleet.settled()
    }
    return times
  },
}

export const garbage: Fault = {
  name: 'a node publishes garbage',
  words:
    '5,000 messages that are no JSON, of another shape, too deep, too big, of names that cannot be, and entries of tables that are none ' +
    'of these; then a service goes down. `tripped`: as above.',
  async act({ fleet, server }) {
    const client = await connect({ servers: server.url })
    const before = rejected(fleet)
    for (let i = 0; i < 5000; i++) {
      const [subject, body] = rubbish(fleet.name, i)
      client.publish(subject, body)
      if (i % 500 === 499) await client.flush()
    }
    const times = await story(fleet)
    await client.close()
    if (rejected(fleet) === before) throw new Error('nobody has rejected anything')
    return times
  },
}

export const flood: Fault = {
  name: 'a node floods the bus',
  words:
    'A stranger sends outcomes of a service as fast as it can (all failures, well-formed) while that service is well and another goes ' +
    'down. `tripped`: as above, under the flood. The service that is well is not tripped.',
  async act({ fleet, server }) {
    const client = await connect({ servers: server.url })
    let flooding = true
    const flooded = pour(client, fleet.name, () => flooding)
    await sleep(500)
    const { tripped } = await trip(fleet).finally(() => {
      flooding = false
    })
    const sent = await flooded
    const recovered = await fleet.recovered()
    await fleet.settled()
    await client.close()
    return { tripped, recovered, 'messages sent': sent }
  },
}

export const slowConsumer: Fault = {
  name: 'slow consumer',
  words:
    'The leader stands still for 2 s under a flood until the server gives it up as a slow consumer and cuts it off. `back`: from going ' +
    'on until it is connected again. `tripped`: as above.',
  server: { config: 'http: "127.0.0.1:-1"\nmax_pending: 1048576\nwrite_deadline: "500ms"' },
  async act({ fleet, server }) {
    const leader = fleet.leader
    if (!leader) throw new Error('nobody leads')
    const name = `switchgear ${leader.node}`
    const client = await connect({ servers: server.url })
    const from = server.log.length
    let flooding = true
    const flooded = pour(client, fleet.name, () => flooding)
    leader.signal('SIGSTOP')
    await sleep(2000)
    const cut = await soon(() => cutOff(server.log.slice(from), name)).finally(async () => {
      flooding = false
      await flooded
    })
    const resumed = moment()
    leader.signal('SIGCONT')
    // A report of the leader's would not do: it may be cut off and back between two looks at itself.
    await soon(() => isBack(server, name, cut))
    const back = moment() - resumed
    await client.close()
    return { back, ...(await story(fleet)) }
  },
}

/** The number of the connection of that name that the server has cut off. */
function cutOff(log: string, name: string): number | undefined {
  const line = log.split('\n').find((one) => /slow consumer/i.test(one) && one.includes(`:${name}"`))
  return line === undefined ? undefined : Number(/cid:(\d+)/.exec(line)?.[1])
}

/** Has the server a later connection of that name? */
async function isBack(server: Trial['server'], name: string, cut: number): Promise<true | undefined> {
  const monitor = /http monitor on (\S+)/.exec(server.log)?.[1]
  const answer = await fetch(`http://${monitor}/connz`)
  const { connections } = (await answer.json()) as { connections: { cid: number; name?: string }[] }
  return connections.some((one) => one.name === name && one.cid > cut) ? true : undefined
}

async function soon<T>(find: () => T | undefined | Promise<T | undefined>): Promise<T> {
  for (let looks = 0; looks < 1000; looks++) {
    const found = await find()
    if (found !== undefined) return found
    await sleep(5)
  }
  throw new Error('the leader was not cut off, or is not back')
}

async function story(fleet: TrialFleet): Promise<{ tripped: number; recovered: number }> {
  const { tripped } = await trip(fleet)
  const recovered = await fleet.recovered()
  await fleet.settled()
  return { tripped, recovered }
}

async function trip(fleet: TrialFleet): Promise<{ tripped: number }> {
  const opened = await fleet.outage('a', 'b')
  return { tripped: (await fleet.tripped('c', opened)) - opened }
}

function rejected({ members }: Trial['fleet']): number {
  return members.reduce((all, { latest }) => all + (latest?.counters.rejected ?? 0), 0)
}

const text = (value: unknown): string => JSON.stringify(value)

function rubbish(fleet: string, i: number): [subject: string, body: string] {
  const outcome = messageSubject({ fleet, type: 'outcome', service: ILL, node: 'a' })
  const bodies: (() => [string, string])[] = [
    () => [outcome, '{"result":'],
    () => [outcome, '\u0000\uffff'.repeat(50)],
    () => [outcome, text({ v: 1, at: 'yesterday', result: 'failure', latency: -1 })],
    () => [outcome, text({ v: 7, at: Date.now(), result: 'failure', latency: 1 })],
    () => [outcome, '['.repeat(5000)],
    () => [outcome, text({ v: 1, at: Date.now(), result: 'failure', latency: 1, failure: 'x'.repeat(70_000) })],
    () => [`sg.v1.${fleet}.outcome.${ILL}.__proto__`, text({ result: 'failure', latency: 1 })],
    () => [`sg.v1.${fleet}.nonsense.${ILL}.a`, '{}'],
    () => [`sg.v1.${fleet}.transition.${ILL}.a`, text({ v: 1, at: Date.now(), from: 'closed', to: 'nowhere' })],
    () => [`sg.v1.${fleet}.command.${ILL}.a`, text({ command: { name: 'obey' } })],
    () => [tableSubject(fleet, 'directives', ILL), text({ v: 1, epoch: -1, state: 'open' })],
    () => [tableSubject(fleet, 'nodes', 'a'), text([])],
    () => [tableSubject(fleet, 'ledger', 'a'), '{"v":1,"node":"a","services":{"search":{"day":"all","month":1e400}}}'],
  ]
  return (bodies[i % bodies.length] as () => [string, string])()
}

/** Returns how many messages it has sent. */
async function pour(client: NatsConnection, fleet: string, goOn: () => boolean): Promise<number> {
  const subject = messageSubject({ fleet, type: 'outcome', service: WELL, node: 'stranger' })
  let sent = 0
  while (goOn()) {
    for (let i = 0; i < 500; i++) {
      sent++
      client.publish(
        subject,
        text({ v: 1, at: Date.now(), result: 'failure', failure: 'timeout', latency: 5, pad: 'x'.repeat(200) }),
      )
    }
    await client.flush()
  }
  return sent
}
