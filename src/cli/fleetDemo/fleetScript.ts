// The acts of the fleet's demo. Each goes on when the fleet has done what it should, or when its patience is over, and says which.

import { inDollars } from '../../model/budgets/money.ts'
import type { Clock } from '../../model/clock.ts'
import { pause } from '../demo/pause.ts'
import { ILL, NODES, ORCHESTRATOR } from './demoFleet.ts'
import type { Service, Started } from './processes.ts'
import type { FleetWatch } from './watch.ts'

export interface Stage {
  readonly clock: Clock
  readonly watch: FleetWatch
  readonly services: readonly Service[]
  readonly orchestrator: Started
  /** ms; about a second where the demo takes 25. */
  readonly unit: number
  readonly signal: AbortSignal
  readonly say: (what: string) => void
}

/** What the fleet has shown, by name; false: it has not, in time. */
export type Shown = Readonly<Record<'tripped' | 'oneProbed' | 'recovered' | 'succeeded' | 'oneLedger' | 'callsWentOn', boolean>>

/** However short the demo, a busy machine may take so long; ms. */
const PATIENCE = 20_000
const LOOK_EVERY = 25
/** An outage that the fleet does not hear of for so long is over before it counts; ms. */
const SAFE = 1500

export async function playScript(stage: Stage): Promise<Shown> {
  const { watch, services, say, unit } = stage
  say(`three services in one fleet, led by ${watch.leader ?? 'nobody yet'}; all is well`)
  await wait(stage, 3 * unit)

  say(`${ILL} stops answering ${NODES[0]} and ${NODES[1]}; ${NODES[2]} still gets answers`)
  tell(services.slice(0, 2), false)
  const tripped = await until(
    stage,
    () => services.slice(0, 2).some(({ node }) => isAway(watch, node)) && isAway(watch, NODES[2]),
  )
  say(
    tripped
      ? `two of three nodes are a quorum: the fleet has opened ${ILL} on ${NODES[2]} too, which saw no failure`
      : `the fleet has not tripped`,
  )
  tell(services, false)
  watch.probes.clear()
  await wait(stage, unit)
  say(`${ILL} is down for everybody now; the fleet lets one node probe, and has the others wait`)
  await until(stage, () => watch.directive(ILL)?.probe !== undefined && watch.probes.size > 0)
  await wait(stage, 3 * unit)
  const oneProbed = watch.probes.size === 1
  say(`probed by ${[...watch.probes].map(([node, count]) => `${node} (${count})`).join(', ') || 'nobody'}`)

  say(`${ILL} answers again`)
  tell(services, true)
  const recovered = await until(stage, () => watch.all('closed') && (watch.directive(ILL)?.state ?? 'closed') === 'closed')
  say(recovered ? 'the probing node found out, and all have closed' : 'the fleet has not come back')
  await wait(stage, 2 * unit)

  const leaders = watch.leaders
  const callsBefore = made(services)
  say(`the leader, ${ORCHESTRATOR} (pid ${stage.orchestrator.pid}), is killed with -9`)
  const killedAt = stage.clock.now()
  await stage.orchestrator.end('SIGKILL')
  const succeeded = await until(stage, () => watch.leaders > leaders && watch.leader !== ORCHESTRATOR)
  const took = ((stage.clock.now() - killedAt) / 1000).toFixed(1)
  const callsWentOn = made(services) > callsBefore && services.every(({ word }) => word?.broken === 0)
  say(
    succeeded
      ? `${watch.leader} leads now, ${took} s later; ${callsWentOn ? 'no call has waited for it' : 'calls were harmed'}`
      : 'nobody has followed',
  )
  await wait(stage, 2 * unit + SAFE)

  say('one ledger: what each service knows the fleet to have spent')
  const oneLedger = await until(stage, () => agree(services))
  for (const { node, word } of services) {
    say(`  ${node.padEnd(9)} spent ${dollars(word?.own)} itself, and knows of ${dollars(word?.fleet)} in all`)
  }
  return { tripped, oneProbed, recovered, succeeded, oneLedger, callsWentOn }
}

function tell(services: readonly Service[], up: boolean): void {
  for (const service of services) service.tell({ upstream: ILL, up })
}

function isAway(watch: FleetWatch, node: string): boolean {
  const state = watch.state(node, ILL)
  return state === 'open' || state === 'halfOpen'
}

/** Calls go on while they are compared: they differ by what was spent in a moment. */
function agree(services: readonly Service[]): boolean {
  const sum = services.reduce((all, { word }) => all + (word?.own ?? 0), 0)
  return services.every(({ word }) => word !== undefined && sum > 0 && Math.abs(word.fleet - sum) < sum * 0.02)
}

/** Dollars spent stand for calls made. */
function made(services: readonly Service[]): number {
  return services.reduce((all, { word }) => all + (word?.own ?? 0), 0)
}

function dollars(amount = 0): string {
  return inDollars(Math.round(amount * 1e9))
}

function wait({ clock, signal }: Stage, ms: number): Promise<void> {
  return pause(clock, ms, signal)
}

async function until({ clock, signal }: Stage, reached: () => boolean): Promise<boolean> {
  const patience = clock.now() + PATIENCE
  while (!reached()) {
    if (clock.now() >= patience) return false
    await pause(clock, LOOK_EVERY, signal)
  }
  return true
}
