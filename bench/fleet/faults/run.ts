// The fleet under faults, with real processes and real servers: each fault ten times, and what it cost.
// `npm run fleet:faults [-- --quick] [--only <words>,<words>] [--runs <n>]`; from ten runs on it writes
// bench/results/fleet-faults.{json,md} and the tables of docs/fleet.md.
import { findNatsServer, HOW_TO_GET_NATS } from '../../../test/fleet/natsBinary.ts'
import type { Fault } from './fault.ts'
import { clocksApart, flood, garbage, slowConsumer } from './ofNodes.ts'
import { leaderKilled, leaderPaused, rollingRestart } from './ofTheLeader.ts'
import { clusterLeaderKilled, partitioned, serverAbsent, serverKilled } from './ofTheServer.ts'
import { isClean, writeFaults } from './report.ts'
import { type Result, tryOut } from './trial.ts'

/** In this order: those that take longest first, so that all end together. */
const FAULTS: readonly Fault[] = [
  clusterLeaderKilled,
  partitioned,
  rollingRestart,
  leaderPaused,
  leaderKilled,
  serverAbsent,
  serverKilled,
  slowConsumer,
  clocksApart,
  garbage,
  flood,
]
/** Most of the time is waiting. */
const AT_ONCE = 2

if (findNatsServer() === undefined) {
  console.error(`fleet:faults: nats-server was not found: ${HOW_TO_GET_NATS}`)
  process.exit(2)
}
const only = argument('--only')
const runs = Number(argument('--runs') ?? (process.argv.includes('--quick') ? 2 : 10))
const atOnce = Number(argument('--at-once') ?? AT_ONCE)
const chosen = FAULTS.filter(({ name }) => only === undefined || only.split(',').some((words) => name.includes(words)))
const since = performance.now()
const results = new Map<Fault, Result>()
let failed = 0
const queue = [...chosen]
const working = Array.from({ length: atOnce }, async () => {
  for (let fault = queue.shift(); fault !== undefined; fault = queue.shift()) {
    const { name } = fault
    try {
      results.set(fault, await tryOut(fault, `trial${FAULTS.indexOf(fault)}`, runs, say))
    } catch (error) {
      failed++
      say(`${name}: COULD NOT BE TRIED: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
})
await Promise.all(working)
const inOrder = FAULTS.flatMap((fault) => results.get(fault) ?? [])
if (runs >= 10 && failed === 0)
  writeFaults(
    FAULTS.map(({ name }) => name),
    inOrder,
  )
const clean = inOrder.filter(isClean).length
say(`${clean} of ${inOrder.length} faults without harm`)
process.exit(failed === 0 && clean === inOrder.length ? 0 : 1)

function say(what: string): void {
  console.log(`${((performance.now() - since) / 1000).toFixed(1).padStart(6)} s  ${what}`)
}

function argument(name: string): string | undefined {
  const at = process.argv.indexOf(name)
  return at < 0 ? undefined : process.argv[at + 1]
}
