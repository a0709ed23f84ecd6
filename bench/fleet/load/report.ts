// What the load came to, as JSON and as the tables of docs/fleet.md.
import type { Machine } from '../../machine.ts'
import { distribution, inMs } from '../distribution.ts'
import { fill, write } from '../docsTable.ts'
import type { Fed } from './feed.ts'
import type { TripTimes } from './latency.ts'

export interface Load {
  readonly seconds: number
  readonly processes: number
  readonly callsPerSecond: number
  /** Of one processor, 0–1, by process. */
  readonly cpu: Readonly<Record<string, number>>
  readonly rss: Readonly<Record<string, number>>
  /** ms, of the process where it was longest. */
  readonly loopLag: { readonly p99: number; readonly max: number }
  /** From what a message is about to its being heard, ms. */
  readonly busLag: { readonly median: number; readonly p99: number; readonly max: number }
  readonly call: { readonly p999: number; readonly slowest: number }
  /** Calls that failed or were refused because of the bus. */
  readonly broken: number
  readonly dropped: number
  readonly missed: number
}

export interface Results {
  readonly machine: Machine
  /** Failure to directive. */
  readonly idle: TripTimes
  readonly busy: TripTimes
  readonly load: Load
  readonly fed: readonly Fed[]
}

export function writeLoad(results: Results): void {
  write('bench/results/fleet.json', `${JSON.stringify(results, undefined, 2)}\n`)
  const { machine } = results
  const where = `Measured on ${machine.processor}, ${machine.cores} cores, Node ${machine.node.slice(1)}, nats-server 2.9.10, ${machine.date}.`
  const tables = [where, latencyTable(results), loadTable(results.load), takenTable(results.fed), scale(results)].join('\n\n')
  write('bench/results/fleet.md', `# The fleet under load\n\n${tables}\n`)
  fill('docs/fleet.md', 'load', tables)
}

function latencyTable({ idle, busy, load }: Results): string {
  const row = (name: string, values: readonly number[]): string => {
    const sorted = [...values].sort((a, b) => a - b)
    const { median, p95, max } = distribution(values)
    const p99 = sorted[Math.ceil(sorted.length * 0.99) - 1] ?? Number.NaN
    return `| ${name} | ${values.length} | ${inMs(median)} | ${inMs(p95)} | ${inMs(p99)} | ${inMs(max)} |`
  }
  const loaded = `five nodes under ${inThousands(load.callsPerSecond)} calls/s`
  return [
    'Until the breaker opens on a node that saw no failure: from the breaker that makes a quorum opening on its node; and from the leader ' +
      'hearing of that (by its own log in whole ms, so up to 1 ms too long). Beside it what the server and the machine need for one bare ' +
      'message, both ends of which are in one process:',
    '',
    '| | trips | p50 | p95 | p99 | worst |',
    '|---|---:|---:|---:|---:|---:|',
    row('three nodes with little to do', idle.fromNode),
    row('from the leader', idle.fromLeader),
    row('a bare message', idle.bare),
    row(loaded, busy.fromNode),
    row('from the leader', busy.fromLeader),
    row('a bare message', busy.bare),
  ].join('\n')
}

function loadTable(load: Load): string {
  const { cpu, rss, loopLag, busLag, call } = load
  const processes = Object.keys(cpu).map((name) => `| ${name} | ${((cpu[name] ?? 0) * 100).toFixed(0)}% | ${rss[name]} MB |`)
  return [
    `${load.processes} processes, ${inThousands(load.callsPerSecond)} calls a second together for ${load.seconds.toFixed(0)} s, journals in a ` +
      'file and in the stream, budgets on:',
    '',
    '| process | of one core | memory |',
    '|---|---:|---:|',
    ...processes,
    '',
    '| | |',
    '|---|---:|',
    `| lag of the event loop, p99 / worst | ${inMs(loopLag.p99)} / ${inMs(loopLag.max)} |`,
    `| from an outcome or a summary to its being heard, p50 / p99 / worst | ${inMs(busLag.median)} / ${inMs(busLag.p99)} / ${inMs(busLag.max)} |`,
    `| a call beside the stub, p99.9 / slowest | ${inMs(call.p999)} / ${inMs(call.slowest)} |`,
    `| calls failed or refused because of the bus | ${load.broken} |`,
    `| messages dropped / missed | ${load.dropped} / ${load.missed} |`,
  ].join('\n')
}

function takenTable(fed: readonly Fed[]): string {
  const [bare, leader] = [rateOf(fed, 'bare'), rateOf(fed, 'leader')]
  return [
    'Outcomes a second that one process takes, in messages of a hundred from 20 nodes and 10 services, fed as fast as it takes them:',
    '',
    '| | outcomes/s, median of runs | of one core | outcomes a second of processor |',
    '|---|---:|---:|---:|',
    `| a bare client that decodes the JSON and drops it | ${inThousands(bare.rate)} | ${(bare.cpu * 100).toFixed(0)}% | ${inThousands(bare.rate / bare.cpu)} |`,
    `| the leader: checked, counted once, weighed, with the fleet’s breakers | ${inThousands(leader.rate)} | ${(leader.cpu * 100).toFixed(0)}% | ${inThousands(leader.rate / leader.cpu)} |`,
    `| the leader’s share of the bare client’s | ${((leader.rate / bare.rate) * 100).toFixed(0)}% | | ${(((leader.rate / leader.cpu) * bare.cpu * 100) / bare.rate).toFixed(0)}% |`,
  ].join('\n')
}

/** On paper: what the numbers above allow. */
function scale({ load, fed }: Results): string {
  const leader = rateOf(fed, 'leader')
  const { processes, callsPerSecond } = load
  const cpu = load.cpu.leader ?? 0
  const half = leader.rate / 2
  // A node says a few things a second for each service: a summary, and a heartbeat for all of them.
  const perNode = cpu / processes
  const nodes = Math.floor(0.5 / perNode)
  return [
    `On paper: while all is well a node of ten services costs the leader ${(perNode * 100).toFixed(2)}% of a core, however many calls it ` +
      `makes, as successes come as one summary a second and service. Half a core carries ${nodes} such nodes; at ` +
      `${inThousands(callsPerSecond / processes)} calls a second each, ${inThousands((callsPerSecond / processes) * nodes)} calls a second. ` +
      `Failures come one by one: half of what the leader takes is ${inThousands(half)} failures a second, of all nodes together, until ` +
      'their breakers open and they send probes only.',
  ].join('\n')
}

function rateOf(fed: readonly Fed[], as: Fed['as']): { rate: number; cpu: number } {
  const of = fed.filter((one) => one.as === as)
  return { rate: distribution(of.map((one) => one.eventsPerSecond)).median, cpu: distribution(of.map((one) => one.cpu)).median }
}

function inThousands(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}
