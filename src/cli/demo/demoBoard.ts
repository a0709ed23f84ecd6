// Everything that runs in the demo: the upstreams on loopback, the board with its journal, and the traffic between them.
import { createInspector, type Inspector } from '../../inspect.ts'
import type { Clock } from '../../model/clock.ts'
import { seededRandom } from '../../model/random.ts'
import { createSwitchgear } from '../../switchgear.ts'
import { type Callers, createCallers } from './callers.ts'
import { type DemoGear, type DemoService, demoBudgets, demoOrchestrator, demoServices, RATES } from './demoServices.ts'
import { Ledger } from './ledger.ts'
import { Traffic } from './traffic.ts'
import { type DemoUpstreams, startUpstreams } from './upstreams.ts'

export interface DemoBoard extends DemoUpstreams {
  readonly clock: Clock
  readonly gear: DemoGear
  readonly callers: Callers
  readonly ledger: Ledger
  readonly inspector: Inspector | undefined
  /** Waits for the calls in flight, writes the journal out, and stops the upstreams. */
  close(): Promise<void>
}

export interface DemoBoardOptions {
  readonly clock: Clock
  readonly unit: number
  readonly journal: string
  readonly seed: number
  /** The port of an inspector, if there is to be one. */
  readonly inspectPort: number | undefined
}

export async function startDemoBoard({ clock, unit, journal, seed, inspectPort }: DemoBoardOptions): Promise<DemoBoard> {
  const closers: (() => Promise<void>)[] = []
  const close = async (): Promise<void> => {
    for (const one of closers.splice(0).reverse()) await one()
  }
  const closing = <T extends { close(): Promise<void> }>(one: T): T => {
    closers.push(() => one.close())
    return one
  }
  try {
    const inspector = inspectPort === undefined ? undefined : closing(await createInspector({ port: inspectPort }))
    const upstreams = await startUpstreams(clock, closing)
    const gear = closing(
      await createSwitchgear({
        services: demoServices(unit),
        budgets: demoBudgets,
        orchestrator: demoOrchestrator(unit),
        journal: { file: journal },
        seed,
        clock,
        inspect: inspector?.inspect,
      }),
    )
    const ledger = new Ledger()
    gear.events$.subscribe((event) => {
      if (event.type === 'outcome') ledger.outcome(event)
      else if (event.type === 'transition') ledger.transition(event)
      else if (event.type === 'alert') ledger.alert(event)
    })
    gear.monitor('lightrag', { url: upstreams.lightrag.url, intervalMs: unit / 2, timeoutMs: 5000 })
    const callers = await createCallers(gear, upstreams, unit)
    const traffic = new Traffic(clock, seededRandom(seed))
    closers.push(() => traffic.stop())
    for (const service of Object.keys(RATES) as DemoService[]) traffic.flow(RATES[service], () => callers[service]())
    return { clock, gear, ...upstreams, callers, ledger, inspector, close }
  } catch (error) {
    await close()
    throw error
  }
}
