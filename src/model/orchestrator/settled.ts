// What was found in order stays in order until something that it rests on is another, or a directive is due for renewal. Spares
// the thousand breakers that do as they were told a thousand looks at a thousand services. Used by supervise.ts.
import type { OrchestratorContext } from './context.ts'
import { type Standing, standingOf } from './standing.ts'

interface Settled {
  readonly context: OrchestratorContext
  /** From then to then, epoch ms. */
  readonly from: number
  readonly until: number
}

const settled = new WeakMap<Standing, Settled>()

/** Whether nothing would be wanted of anybody that has not been said. */
export function isSettled(context: OrchestratorContext, at: number): boolean {
  const known = settled.get(standingOf(context.services))
  if (!known || at < known.from || at >= known.until) return false
  const { config, system, latches, told, fleet, granted, force, wanted } = known.context
  return (
    config === context.config &&
    system.state === context.system.state &&
    latches === context.latches &&
    told === context.told &&
    fleet === context.fleet &&
    granted === context.granted &&
    force === context.force &&
    wanted === context.wanted
  )
}

/** Nothing is wanted of anybody at `at` that has not been said by now. */
export function noteSettled(context: OrchestratorContext, at: number): void {
  const { services, force, config } = context
  let until = Number.POSITIVE_INFINITY
  for (const service in force) {
    const { expiresAt } = force[service]!
    if (expiresAt > at) until = Math.min(until, expiresAt - (config?.directiveLifetime ?? 0) / 2)
  }
  settled.set(standingOf(services), { context, from: at, until })
}
