// What `switchgear state` does: looks at what the server keeps of a fleet, once or again and again.
import { Pauses } from '../../bus/nats/due.ts'
import { systemClock } from '../../model/clock.ts'
import { CommandFailure } from '../commandFailure.ts'
import { busConfigOf, type ConnectionFlags } from '../fleet/connectionFlags.ts'
import { type Bus, openBus, UNREACHABLE } from '../fleet/openBus.ts'
import { interruption } from '../interruption.ts'
import { LiveScreen } from '../terminal/liveScreen.ts'
import { styleFor } from '../terminal/style.ts'
import { epochOf, fleetLines } from './fleetLines.ts'
import { type FleetView, readFleet } from './readFleet.ts'
import { spendOf } from './spend.ts'

export interface StateFlags extends ConnectionFlags {
  readonly watch?: boolean
  readonly json?: boolean
}

const ABSENT = 1
const EVERY = 1000
const WIDTH = 120

export async function runState(flags: StateFlags): Promise<void> {
  const { fleet, watch = false, json = false } = flags
  const signal = watch ? interruption() : undefined
  const bus = await openBus(busConfigOf(flags), { name: 'switchgear state', persistent: watch, signal })
  try {
    if (watch) await watched(bus, flags)
    else {
      const view = await readFleet(bus, fleet, systemClock.now())
      if (json) console.log(JSON.stringify(asJson(fleet, view)))
      else if (view.exists)
        console.log(fleetLines(fleet, bus.server, view, process.stdout.columns ?? WIDTH, styleFor(process.stdout)).join('\n'))
      if (!view.exists) throw new CommandFailure(absence(fleet, bus.server), ABSENT)
    }
  } finally {
    await bus.close()
  }
}

function absence(fleet: string, server: string): string {
  return `there is no fleet ${fleet} on ${server}: no node has ever joined it there`
}

async function watched(bus: Bus, { fleet, json = false }: StateFlags): Promise<void> {
  const stopped = interruption()
  const pauses = new Pauses(systemClock, true)
  stopped.addEventListener('abort', () => pauses.end(), { once: true })
  const screen = process.stdout.isTTY && !json ? new LiveScreen(process.stdout) : undefined
  let last = ''
  while (!stopped.aborted) {
    const text = await look(bus, fleet, json, screen?.width ?? WIDTH)
    if (screen !== undefined) screen.draw(text.split('\n'))
    else if (json || text !== last) console.log(text)
    last = text
    await pauses.wait(EVERY)
  }
  screen?.end()
}

/** One look, in words or as a line of JSON. A server that is away comes back; one that forbids it ends the command. */
async function look(bus: Bus, fleet: string, json: boolean, width: number): Promise<string> {
  try {
    const view = await readFleet(bus, fleet, systemClock.now())
    if (json) return JSON.stringify(asJson(fleet, view))
    if (!view.exists) return absence(fleet, bus.server)
    return fleetLines(fleet, bus.server, view, width, styleFor(process.stdout)).join('\n')
  } catch (error) {
    if (!(error instanceof CommandFailure) || error.exitCode !== UNREACHABLE) throw error
    return json ? JSON.stringify({ fleet, exists: null, reason: error.message }) : error.message
  }
}

function asJson(fleet: string, { exists, leader, directives, nodes, ledger, unreadable }: FleetView): object {
  return {
    fleet,
    exists,
    leader: leader ?? null,
    epoch: epochOf(directives.map(({ entry }) => entry)) ?? null,
    nodes: nodes.map(({ entry, age }) => ({ ...entry, age })),
    directives: directives.map(({ entry, age }) => ({ ...entry, age, lapsed: age > entry.lifetime })),
    spend: spendOf(ledger.map(({ entry }) => entry)),
    unreadable,
  }
}
