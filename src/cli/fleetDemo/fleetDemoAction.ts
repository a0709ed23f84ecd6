// What `switchgear fleet` does: starts a NATS server, a leader and three services as processes of their own, plays an outage and a
// killed leader to them, shows what the fleet does, and ends all that it has started.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { NatsLink } from '../../bus/nats/natsLink.ts'
import { type Clock, systemClock } from '../../model/clock.ts'
import { busSchema } from '../../model/fleet/busConfig.ts'
import { CommandFailure } from '../commandFailure.ts'
import { pause } from '../demo/pause.ts'
import { interruption } from '../interruption.ts'
import { LiveScreen } from '../terminal/liveScreen.ts'
import { styleFor } from '../terminal/style.ts'
import { CONFIG, FLEET, NODES, ORCHESTRATOR } from './demoFleet.ts'
import { playScript, type Shown } from './fleetScript.ts'
import { type FleetView, liveFleetView, plainFleetView } from './fleetViews.ts'
import { findNatsServer, startNatsServer } from './natsServer.ts'
import { PROGRAMS, Processes, type Programs, type Service, type Started } from './processes.ts'
import { FleetWatch } from './watch.ts'

const DIFFERS = 1
const UNUSABLE = 2
const NARROWEST = 60
const REDRAW_EVERY = 100
/** Calls a second of each upstream and service. */
const RATE = 25
/** A process that is not there after this long will not come; ms. */
const PATIENCE = 20_000

const WORDS: Readonly<Record<keyof Shown, string>> = {
  tripped: 'tripped by quorum',
  oneProbed: 'one node probed',
  recovered: 'recovered',
  succeeded: 'the leader has a successor',
  oneLedger: 'one ledger',
  callsWentOn: 'calls went on',
}

export interface FleetDemoOptions {
  readonly seconds: number
  readonly programs?: Programs
  readonly signal?: AbortSignal
}

export async function runFleetDemo({ seconds, programs = PROGRAMS, signal = interruption() }: FleetDemoOptions): Promise<void> {
  const binary = findNatsServer()
  const clock = systemClock
  const directory = mkdtempSync(join(tmpdir(), 'switchgear-fleet-'))
  const processes = new Processes(clock)
  const startedAt = clock.now()
  const view = viewFor(startedAt, startedAt + seconds * 1000)
  let server: Started | undefined
  let link: NatsLink | undefined
  try {
    const own = await startNatsServer(binary, directory)
    server = processes.take(own.process)
    link = new NatsLink({ ...busSchema.parse({ servers: own.url, fleet: FLEET, lead: false }), node: 'viewer' }, { clock })
    const watch = new FleetWatch(
      link,
      () => clock.now(),
      (event) => view.happened(event),
    )
    const say = (what: string): void => view.said(clock.now(), what)
    say(`a NATS server on ${own.url}`)
    const services: Service[] = []
    const drawing = redraw(clock, () => view.tick(clock.now(), watch, services))
    try {
      const orchestrator = await lead(processes, programs, { url: own.url, directory, clock, watch, signal })
      for (const node of NODES) services.push(processes.service(programs, { server: own.url, node, rate: RATE }))
      await there(clock, () => services.every(({ node }) => watch.state(node, 'openai') !== undefined), services, signal)
      const shown = await playScript({ clock, watch, services, orchestrator, unit: (seconds * 1000) / 25, signal, say })
      view.tick(clock.now(), watch, services)
      conclude(shown, say)
    } finally {
      drawing.abort()
      watch.stop()
    }
  } catch (error) {
    if (!signal.aborted) throw error
  } finally {
    view.end()
    await link?.close()
    await processes.endAll(server)
    rmSync(directory, { recursive: true, force: true })
  }
}

interface Surroundings {
  readonly url: string
  readonly directory: string
  readonly clock: Clock
  readonly watch: FleetWatch
  readonly signal: AbortSignal
}

/** Starts the one that leads first: services may lead too. */
async function lead(processes: Processes, programs: Programs, around: Surroundings): Promise<Started> {
  const { url, directory, clock, watch, signal } = around
  const config = join(directory, 'switchgear.json')
  writeFileSync(config, JSON.stringify(CONFIG))
  const args = ['--config', config, '--server', url, '--fleet', FLEET, '--node', ORCHESTRATOR]
  const orchestrator = processes.orchestrator(programs, args)
  await there(clock, () => watch.leader === ORCHESTRATOR, [{ node: ORCHESTRATOR, process: orchestrator }], signal)
  return orchestrator
}

/** Throws a CommandFailure with what a process says that has ended instead. */
async function there(
  clock: Clock,
  reached: () => boolean,
  who: readonly { readonly node: string; readonly process: Started }[],
  signal: AbortSignal,
): Promise<void> {
  const patience = clock.now() + PATIENCE
  while (!reached()) {
    const gone = who.find(({ process }) => !process.alive)
    if (gone) throw new CommandFailure(`${gone.node} has ended: ${gone.process.complaints.trim()}`, UNUSABLE)
    if (clock.now() > patience) throw new CommandFailure(`${who.map(({ node }) => node).join(', ')}: not there in time`, UNUSABLE)
    await pause(clock, 20, signal)
  }
}

function redraw(clock: Clock, draw: () => void): AbortController {
  const stopped = new AbortController()
  const go = async (): Promise<void> => {
    while (!stopped.signal.aborted) {
      draw()
      await pause(clock, REDRAW_EVERY, stopped.signal)
    }
  }
  go().catch(() => undefined)
  return stopped
}

function conclude(shown: Shown, say: (what: string) => void): void {
  const names = Object.keys(WORDS) as (keyof Shown)[]
  const missing = names.filter((name) => !shown[name])
  if (missing.length === 0) say(`shown: ${names.map((name) => WORDS[name]).join(', ')}`)
  else {
    say(`not shown: ${missing.map((name) => WORDS[name]).join(', ')}`)
    process.exitCode = DIFFERS
  }
}

function viewFor(startedAt: number, endsAt: number): FleetView {
  const style = styleFor(process.stdout)
  const { isTTY, columns = 80 } = process.stdout
  if (isTTY !== true || columns < NARROWEST || process.env.TERM === 'dumb') {
    return plainFleetView({ startedAt, style, print: (line) => console.log(line) })
  }
  return liveFleetView({ startedAt, endsAt, style, screen: new LiveScreen(process.stdout) })
}
