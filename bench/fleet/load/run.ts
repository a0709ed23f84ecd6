// What a fleet costs, and how quick it is: latency from failure to directive; five processes of 2,000 calls a second each with a
// leader (`switchgear serve`) for a minute; outcomes a second that a leader takes, beside a client that only decodes them.
// `npm run bench:fleet [-- --quick | --feed]` (`--feed`: the last of these again); writes bench/results/fleet.{json,md} and the tables of docs/fleet.md.
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { connect } from '@nats-io/transport-node'
import { messageWildcard } from '../../../src/model/fleet/subjects.ts'
import { findNatsServer, HOW_TO_GET_NATS } from '../../../test/fleet/natsBinary.ts'
import { unboundServer } from '../../../test/fleet/natsServer.ts'
import { machine } from '../../machine.ts'
import { distribution } from '../distribution.ts'
import { read } from '../docsTable.ts'
import { sleep } from '../faults/fault.ts'
import { Latencies } from '../latencies.ts'
import { POLICY, TrialFleet } from '../trialFleet.ts'
import { type Fed, feed } from './feed.ts'
import { bareHops, failureToDirective, LEADER, type TripTimes } from './latency.ts'
import { cpuSeconds, rssMb } from './processCpu.ts'
import { type Load, type Results, writeLoad } from './report.ts'

const SWITCHGEAR = fileURLToPath(new URL('../../../src/cli/main.js', import.meta.url))
const SERVICES = Array.from({ length: 10 }, (_, i) => `s${i}`)

if (findNatsServer() === undefined) {
  console.error(`bench:fleet: nats-server was not found: ${HOW_TO_GET_NATS}`)
  process.exit(2)
}
const quick = process.argv.includes('--quick')
const [seconds, rounds, feeds] = quick ? [5, 2, 1] : [60, 10, 2]

const before = process.argv.includes('--feed') ? read<Results>('bench/results/fleet.json') : undefined
const { idle, busy, load } = before ?? (await underLoad())
const fed: Fed[] = []
const [server, remove] = await unboundServer()
await server.start()
for (let i = 0; i < feeds; i++) {
  for (const as of ['bare', 'leader'] as const) {
    fed.push(await feed(as, server.url, quick ? 2 : 5))
    console.error(fed.at(-1))
  }
}
await remove()
const results: Results = { machine: machine(['switchgear', '@nats-io/transport-node']), idle, busy, load, fed }
if (!quick) writeLoad(results)
process.exit(0)

async function underLoad(): Promise<Pick<Results, 'idle' | 'busy' | 'load'>> {
  const idle = await withFleet(['a', 'b', 'c'], 5, async (fleet) => {
    // The first time that anything happens in these processes.
    await failureToDirective(fleet, SERVICES, 1)
    return tripsAndHops(fleet, rounds)
  })
  say('little to do', idle)
  const { load, busy } = await withFleet(['a', 'b', 'c', 'd', 'e'], 200, async (fleet, leader, server) => {
    await sleep(3000)
    const load = await measure(fleet, leader, server)
    console.error(load)
    return { load, busy: await tripsAndHops(fleet, quick ? 1 : 10) }
  })
  say('under load', busy)
  return { idle, busy, load }
}

async function tripsAndHops(fleet: TrialFleet, rounds: number): Promise<TripTimes> {
  const bare = await bareHops(fleet.servers[0]?.url ?? '', rounds * SERVICES.length)
  return { ...(await failureToDirective(fleet, SERVICES, rounds)), bare }
}

function say(when: string, { fromNode, fromLeader }: TripTimes): void {
  console.error(
    `failure to directive, ${when}: from the node`,
    distribution(fromNode),
    'from the leader',
    distribution(fromLeader),
  )
}

async function withFleet<T>(
  names: readonly string[],
  rate: number,
  act: (fleet: TrialFleet, leader: number, server: number) => Promise<T>,
): Promise<T> {
  const [server, remove] = await unboundServer()
  await server.start()
  const fleet = new TrialFleet('load', [server])
  const config = join(fleet.directory, 'switchgear.json')
  const services = Object.fromEntries(SERVICES.map((name) => [name, { kind: 'http', ...POLICY }]))
  const orchestrator = { rules: { system_overload_protection: { enabled: false } }, correlation: false }
  writeFileSync(config, JSON.stringify({ services, orchestrator }))
  const args = [SWITCHGEAR, 'serve', '--config', config, '--server', server.url, '--fleet', 'load', '--node', LEADER]
  const leader = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] })
  try {
    for (const name of names) fleet.start(name, { rate, services: SERVICES, reportEvery: 200 })
    const known = [...names, LEADER].sort().join()
    await fleet.until('all agree', 30_000, () =>
      fleet.members.every(({ latest }) => latest?.leader === LEADER && latest.nodes.join() === known) ? 0 : undefined,
    )
    await sleep(1500)
    return await act(fleet, leader.pid ?? 0, server.pid ?? 0)
  } finally {
    await fleet.stopAll()
    leader.kill('SIGKILL')
    fleet.remove()
    await remove()
  }
}

async function measure(fleet: TrialFleet, leader: number, server: number): Promise<Load> {
  const client = await connect({ servers: fleet.servers.map(({ url }) => url) })
  const lag = new Latencies()
  client.subscribe(messageWildcard(fleet.name, { type: 'outcome' }), {
    callback: (_, { data }) => {
      const now = Date.now()
      const told = JSON.parse(new TextDecoder().decode(data)) as { at: number } | { at: number }[]
      for (const { at } of Array.isArray(told) ? told : [told]) lag.add(Math.max(0, now - at))
    },
  })
  const pids = new Map([
    ...fleet.members.map(({ node, pid }): [string, number] => [node, pid]),
    [LEADER, leader],
    ['nats-server', server],
  ])
  const cpuBefore = new Map([...pids].map(([name, pid]) => [name, cpuSeconds(pid)]))
  for (const member of fleet.members) member.tell({ do: 'reset' })
  const callsBefore = callsOf(fleet)
  const since = performance.now()
  await sleep(seconds * 1000)
  const took = (performance.now() - since) / 1000
  const calls = callsOf(fleet) - callsBefore
  const cpu = Object.fromEntries([...pids].map(([name, pid]) => [name, (cpuSeconds(pid) - (cpuBefore.get(name) ?? 0)) / took]))
  const rss = Object.fromEntries([...pids].map(([name, pid]) => [name, rssMb(pid)]))
  await client.close()
  const reports = fleet.members.flatMap(({ latest }) => latest ?? [])
  const most = (of: (one: (typeof reports)[number]) => number): number => Math.max(...reports.map(of))
  const all = (of: (one: (typeof reports)[number]) => number): number => reports.reduce((sum, one) => sum + of(one), 0)
  return {
    seconds: took,
    processes: fleet.members.length,
    callsPerSecond: calls / took,
    cpu,
    rss,
    loopLag: { p99: most(({ load }) => load.lagP99), max: most(({ load }) => load.lagMax) },
    busLag: { median: lag.quantile(0.5), p99: lag.quantile(0.99), max: lag.max },
    call: { p999: most(({ calls }) => calls.p999), slowest: most(({ calls }) => calls.slowest) },
    broken: all(({ calls }) => calls.broken + calls.blocked),
    dropped: all(({ counters }) => counters.dropped + counters.unreported),
    missed: all(({ counters }) => counters.missed),
  }
}

function callsOf(fleet: TrialFleet): number {
  return fleet.members.reduce((sum, { latest }) => sum + (latest?.calls.made ?? 0), 0)
}
