// One of the demo's services: a board in a fleet, and calls to two upstreams that are played in this process and do as they are told.
// serviceProgram.ts runs it as a process of its own.
import type { Clock } from '../../model/clock.ts'
import { CallRejectedError } from '../../model/errors.ts'
import { createSwitchgear } from '../../switchgear.ts'
import { pause } from '../demo/pause.ts'
import { CONFIG, FLEET, type Order, PRICES, type ServiceSettings, UPSTREAMS, type Upstream, type Word } from './demoFleet.ts'

export interface DemoService {
  obey(order: Order): void
  word(): Word
  close(): Promise<void>
}

const LATENCY_MS = 8

export async function startService({ server, node, rate }: ServiceSettings, clock: Clock): Promise<DemoService> {
  const gear = await createSwitchgear({ ...CONFIG, bus: { servers: server, fleet: FLEET, node } })
  const stopped = new AbortController()
  const down = new Set<string>()
  let own = 0
  let refused = 0
  let broken = 0

  const call = async (upstream: Upstream): Promise<void> => {
    const cost = PRICES[upstream]
    const error = Object.assign(new Error(`${upstream} is down`), { status: 503 })
    try {
      const answer = async (): Promise<void> => {
        await pause(clock, LATENCY_MS)
        if (down.has(upstream)) throw error
      }
      await gear.execute(upstream, answer, { estimate: { cost, confidence: 0.9 } })
      own += cost
    } catch (thrown) {
      if (thrown instanceof CallRejectedError) refused++
      else if (thrown !== error) broken++
    }
  }

  const calls = UPSTREAMS.map(async (upstream) => {
    while (!stopped.signal.aborted) {
      await Promise.all([call(upstream), pause(clock, 1000 / rate, stopped.signal).catch(() => undefined)])
    }
  })

  return {
    obey({ upstream, up }) {
      if (up) down.delete(upstream)
      else down.add(upstream)
    },
    word: () => ({ own, fleet: gear.budgets.spent().month, refused, broken }),
    async close() {
      stopped.abort()
      await Promise.all(calls)
      await gear.close()
    },
  }
}
