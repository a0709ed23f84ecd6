// A process of a fleet, for faults and load: a board with a name of its own, calls at a steady rate, and reports to who started it.
// Its settings are its one argument, as JSON.
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { DoubleJournal } from '../../src/bus/doubleJournal.ts'
import { FileJournal } from '../../src/bus/fileJournal.ts'
import type { Journal } from '../../src/bus/journal.ts'
import { JetstreamJournal } from '../../src/bus/nats/jetstreamJournal.ts'
import { systemClock } from '../../src/model/clock.ts'
import { busSchema } from '../../src/model/fleet/busConfig.ts'
import { createSwitchgear, type Switchgear } from '../../src/switchgear.ts'
import { NodeClock } from '../../test/fleet/nodeClock.ts'
import { Caller } from './caller.ts'
import { type Moment, moment, type Order, type Report, type WorkerSettings } from './protocol.ts'

const LOOK_EVERY = 10
const LAG_RESOLUTION = 5

const settings = JSON.parse(process.argv[2] ?? '{}') as WorkerSettings
const { services, policy, journal, file } = settings
const node = settings.bus.node ?? 'unnamed'
const clock = settings.clockAhead === 0 ? systemClock : new NodeClock(systemClock, settings.clockAhead)
const lag = monitorEventLoopDelay({ resolution: LAG_RESOLUTION })
const own = ownJournal()

const begun = moment()
const gear: Switchgear = await createSwitchgear({
  services: Object.fromEntries(services.map((name) => [name, { kind: 'http' as const, ...policy }])),
  budgets: { daily: 1_000_000, monthly: 1_000_000 },
  orchestrator: { rules: { system_overload_protection: { enabled: false } }, correlation: false, recoveryLease: 2000 },
  clock,
  bus: { ...settings.bus, journal: journal === 'stream' },
  ...(own ? { journal: own } : journal === 'file' ? { journal: { file } } : undefined),
})
const took = moment() - begun
const caller = new Caller(gear, services)
/** By service, of the directive that was in force last. */
const epochs = new Map<string, number>()
let epochsBack = 0
let leads = false
let connected = false

gear.events$.subscribe((event) => {
  if (event.type === 'transition') {
    const { service, from, to, reason } = event
    tell({ type: 'moved', at: moment(), service, from, to, reason })
  } else if (event.type === 'alert') tell({ type: 'alert', at: moment(), code: event.code, message: event.message })
})
setInterval(look, LOOK_EVERY)
setInterval(() => tell(report()), settings.reportEvery)
lag.enable()
caller.rate = settings.rate
process.on('message', (order: Order) => void obey(order))
process.on('disconnect', () => process.exit(0))
tell({ type: 'ready', at: moment(), took })

function ownJournal(): Journal | undefined {
  if (journal !== 'both') return undefined
  const bus = { ...busSchema.parse(settings.bus), node }
  return new DoubleJournal(new FileJournal({ file, clock }), new JetstreamJournal({ bus, clock }))
}

function look(): void {
  const { fleet } = gear
  if (!fleet) return
  if (fleet.connected !== connected) {
    connected = fleet.connected
    tell({ type: 'link', at: moment(), connected })
  }
  if (fleet.leads !== leads) {
    leads = fleet.leads
    tell({ type: 'lead', at: moment(), leads })
  }
  for (const [service, { epoch }] of fleet.directives) {
    if (epoch < (epochs.get(service) ?? 0)) epochsBack++
    epochs.set(service, epoch)
  }
}

async function obey(order: Order): Promise<void> {
  switch (order.do) {
    case 'health':
      caller.set(order.service, order.up)
      return
    case 'rate':
      caller.rate = order.perSecond
      return
    case 'calm':
      caller.calm = order.calm
      return
    case 'burst':
      for (let i = 0; i < order.calls; i++) await caller.call(order.service)
      return
    case 'reset':
      lag.reset()
      return
    case 'stop':
      caller.rate = 0
      while (!caller.idle) await new Promise((resolve) => setImmediate(resolve))
      await gear.close()
      await own?.close()
      process.send?.({ type: 'stopped', at: moment(), report: report() } satisfies Moment, () => process.exit(0))
  }
}

function report(): Report {
  const { fleet } = gear
  const directives = [...(fleet?.directives.values() ?? [])]
  const { published = 0, received = 0, dropped = 0, rejected = 0, missed = 0, unreported = 0 } = fleet?.counters ?? {}
  return {
    type: 'report',
    node,
    at: moment(),
    connected: fleet?.connected ?? false,
    leads: fleet?.leads ?? false,
    leader: fleet?.leader,
    nodes: [...(fleet?.nodes.keys() ?? [])].sort(),
    states: Object.fromEntries(services.map((name) => [name, gear.state(name)])),
    asked: directives
      .filter(({ level, admissionRatio, hold, state }) => level > 0 || admissionRatio < 1 || hold || state !== 'closed')
      .map(({ service }) => service),
    epochsBack,
    calls: caller.calls,
    fleetSpent: Math.round(gear.budgets.spent().month * 1e9),
    counters: { published, received, dropped, rejected, missed, unreported },
    load: {
      lagP99: Math.max(0, lag.percentile(99) / 1e6 - LAG_RESOLUTION),
      lagMax: Math.max(0, lag.max / 1e6 - LAG_RESOLUTION),
      rssMb: Math.round(process.memoryUsage.rss() / 2 ** 20),
    },
  }
}

function tell(said: Report | Moment): void {
  process.send?.(said)
}
