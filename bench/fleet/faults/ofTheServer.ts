// Faults of the server and of the way to it.
import { jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { moment } from '../protocol.ts'
import type { TrialFleet } from '../trialFleet.ts'
import { type Fault, sleep } from './fault.ts'

export const serverKilled: Fault = {
  name: 'server killed -9, restarted',
  words:
    'The server is killed; a service goes down on two of three nodes, which open by themselves; 1 s later the server is there again. ' +
    '`seen`: until every node knows that it is alone. `tripped`: from the server being ready until the third node is opened by the fleet.',
  async act({ fleet, server }) {
    const since = moment()
    await server.kill('SIGKILL')
    const seen = (await alone(fleet)) - since
    const opened = await fleet.outage('a', 'b')
    await sleep(Math.max(0, 1000 - (moment() - since)))
    await server.start()
    const ready = moment()
    const tripped = (await fleet.tripped('c', opened)) - ready
    const recovered = await fleet.recovered()
    await fleet.settled()
    return { seen, tripped, recovered }
  },
}

export const serverAbsent: Fault = {
  name: 'server absent at the start',
  words:
    'All processes start without a server, make calls, and trip by themselves; then the server starts. `usable`: what ' +
    '`createSwitchgear` takes. `agreed`: from the server being ready until all nodes hear of each other and have one leader.',
  started: false,
  async act({ fleet, server }) {
    await fleet.stopAll()
    await server.kill('SIGKILL')
    const names: [string, boolean][] = [
      ['a', false],
      ['b', false],
      ['c', false],
      ['l1', true],
      ['l2', true],
    ]
    const members = names.map(([name, lead]) => fleet.start(name, { lead }))
    await fleet.until('boards', 20_000, () => (members.every(({ moments }) => moments.length > 0) ? 0 : undefined))
    const usable = Math.max(...members.flatMap(({ moments: [first] }) => (first?.type === 'ready' ? first.took : [])))
    const opened = await fleet.outage('a', 'b')
    await server.start()
    const ready = moment()
    const tripped = (await fleet.tripped('c', opened)) - ready
    const agreed = (await fleet.settled()) - ready
    const recovered = await fleet.recovered()
    return { usable, agreed, tripped, recovered }
  },
}

export const partitioned: Fault = {
  name: 'a node cut off from the server',
  words:
    'Nothing passes between node c and the server, and nobody is told. `seen`: until the node knows. Meanwhile the fleet trips, ' +
    'without it. `tripped`: from the line being whole again until the node is opened, as the others are.',
  proxied: true,
  async act({ fleet, line }) {
    const since = moment()
    line?.partition()
    const seen = await fleet.until('c is alone', 20_000, () =>
      fleet.of('c').momentAt(since, (one) => one.type === 'link' && !one.connected),
    )
    const opened = await fleet.outage('a', 'b')
    await fleet.until('the fleet trips', 10_000, () => (fleet.leader?.latest?.asked.length ? 0 : undefined))
    line?.heal()
    const healed = moment()
    const tripped = (await fleet.tripped('c', opened)) - healed
    const recovered = await fleet.recovered()
    await fleet.settled()
    return { seen: seen - since, tripped, recovered }
  },
}

export const clusterLeaderKilled: Fault = {
  name: 'three servers (R3), the one that leads the lease and its tables killed -9',
  words:
    'Of three servers the one that leads the lease’s stream is killed, and two of three nodes open. `tripped`: from the kill until the ' +
    'third is opened by the fleet. The server comes back before the next run. Lease 12 s.',
  servers: 3,
  bus: { lease: 12_000, replicas: 3 },
  async act({ fleet }) {
    const name = await streamLeader(fleet)
    const server = fleet.servers[Number(name.slice(1)) - 1]
    if (!server) throw new Error(`there is no server ${name}`)
    const since = moment()
    await server.kill('SIGKILL')
    const opened = await fleet.outage('a', 'b')
    const tripped = (await fleet.tripped('c', opened, 60_000)) - since
    const recovered = await fleet.recovered(60_000)
    await server.start()
    await fleet.settled(60_000)
    await sleep(2000)
    return { tripped, recovered }
  },
}

function alone(fleet: TrialFleet): Promise<number> {
  const since = moment() - 500
  return fleet.until('all are alone', 20_000, () => {
    const moments = fleet.members.map((member) => member.momentAt(since, (one) => one.type === 'link' && !one.connected))
    return moments.every((at) => at !== undefined) ? Math.max(...(moments as number[])) : undefined
  })
}

/** A cluster that has just lost or got a server does not answer for a while. */
async function streamLeader(fleet: TrialFleet): Promise<string> {
  const client = await connect({ servers: fleet.servers.map(({ url }) => url), timeout: 5000 })
  try {
    for (let tries = 0; tries < 30; tries++) {
      const leader = await jetstreamManager(client, { timeout: 2000, checkAPI: false })
        .then((manager) => manager.streams.info(`KV_sg_${fleet.name}_lease`))
        .then(({ cluster }) => cluster?.leader)
        .catch(() => undefined)
      if (leader) return leader
      await sleep(500)
    }
    throw new Error('the lease has no leader among the servers')
  } finally {
    await client.close()
  }
}
