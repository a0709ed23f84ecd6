// Everything that runs in the demo: the upstreams on loopback, the board with its journal, and the traffic between them.
import { createInspector, type Inspector } from '../../inspect.ts'
import type { Clock } from '../../model/clock.ts'
import { seededRandom } from '../../model/random.ts'
import { createSwitchgear } from '../../switchgear.ts'
import { type Callers, createCallers } from './callers.ts'
import { type DemoGear, demoServices } from './demoServices.ts'
import { Ledger } from './ledger.ts'
import type { Upstream } from './loopbackServer.ts'
import { MemoryCache } from './memoryCache.ts'
import { startOpenaiServer } from './openaiServer.ts'
import { startSearchServer } from './searchServer.ts'
import { Traffic } from './traffic.ts'

export interface DemoBoard {
  readonly clock: Clock
  readonly gear: DemoGear
  readonly openai: Upstream
  readonly search: Upstream
  readonly cache: MemoryCache
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

/** Calls a second. */
const RATES = { openai: 25, search: 20, cache: 50 } as const

export async function startDemoBoard({ clock, unit, journal, seed, inspectPort }: DemoBoardOptions): Promise<DemoBoard> {
  const closers: (() => Promise<void>)[] = []
  const close = async (): Promise<void> => {
    for (const one of closers.splice(0).reverse()) await one()
  }
  try {
    const inspector = inspectPort === undefined ? undefined : await createInspector({ port: inspectPort })
    if (inspector) closers.push(() => inspector.close())
    const openai = await startOpenaiServer({ clock })
    closers.push(() => openai.close())
    const search = await startSearchServer({ clock, quota: 1_000_000 })
    closers.push(() => search.close())
    const cache = new MemoryCache({ clock })
    const gear = await createSwitchgear({
      services: demoServices(unit),
      journal: { file: journal },
      seed,
      clock,
      inspect: inspector?.inspect,
    })
    closers.push(() => gear.close())
    const ledger = new Ledger()
    gear.events$.subscribe((event) => {
      if (event.type === 'outcome') ledger.outcome(event)
      else if (event.type === 'transition') ledger.transition(event)
    })
    const callers = await createCallers(gear, openai, search, cache)
    const traffic = new Traffic(clock, seededRandom(seed))
    closers.push(() => traffic.stop())
    traffic.flow(RATES.openai, () => callers.openai())
    traffic.flow(RATES.search, () => callers.search())
    traffic.flow(RATES.cache, () => callers.cache())
    return { clock, gear, openai, search, cache, callers, ledger, inspector, close }
  } catch (error) {
    await close()
    throw error
  }
}
