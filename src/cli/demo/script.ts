// The incident of the demo, step by step. It goes on when a state was reached, or when its patience is over, and so runs alike
// on fast machines and slow ones.
import type { StateName } from '../../model/states.ts'
import type { DemoBoard } from './demoBoard.ts'
import type { DemoService } from './demoServices.ts'
import type { Episode } from './ledger.ts'
import { pause } from './pause.ts'

/** The episodes of the incident, for the balance at its end. */
export interface Incident {
  readonly slowDown: Episode
  readonly rateLimit: Episode
  readonly budget: Episode
  readonly outage: Episode
  readonly maintenance: Episode
  /** From the moment the service was well again. */
  readonly recovery: Episode
}

export interface ScriptOptions {
  /** A twentieth of the demo, ms. */
  readonly unit: number
  /** When the demo should be over, epoch ms. */
  readonly endsAt: number
  readonly signal: AbortSignal
  /** Told what the script does now. */
  readonly say: (what: string) => void
}

const SLOW_BY = 600

/** Plays the incident. Rejects with the signal's reason once that is aborted. */
export async function playIncident(board: DemoBoard, { unit, endsAt, signal, say }: ScriptOptions): Promise<Incident> {
  const { clock, gear, ledger, openai } = board
  const begin = (service: DemoService): Episode => ledger.begin(service, Math.floor(clock.now()))
  const wait = (units: number): Promise<void> => pause(clock, units * unit, signal)
  /** Waits until `reached`, and at least a few seconds where units are short: a slow machine needs them. */
  const until = async (reached: () => boolean, units: number): Promise<void> => {
    const patience = clock.now() + Math.max(units * unit, 4000)
    while (!reached() && clock.now() < patience) await pause(clock, 20, signal)
  }
  const is = (service: DemoService, state: StateName) => (): boolean => gear.state(service) === state
  const isNot = (service: DemoService, state: StateName) => (): boolean => gear.state(service) !== state

  say('all is well')
  await wait(2.5)

  say(`openai slows down: answers come ${SLOW_BY} ms late`)
  const slowDown = begin('openai')
  openai.setCondition({ kind: 'slow', ms: SLOW_BY })
  await until(is('openai', 'degraded'), 4)
  openai.setCondition({ kind: 'healthy' })
  say('openai is quick again; the breaker asks it for less until that has lasted')
  await until(isNot('openai', 'degraded'), 4)
  slowDown.over = true

  const retryAfter = (2 * unit) / 1000
  say(`openai answers 429, Retry-After ${retryAfter.toFixed(1)} s`)
  const rateLimit = begin('openai')
  openai.setCondition({ kind: 'rateLimited', retryAfterSeconds: retryAfter })
  await until(is('openai', 'rateLimited'), 3)
  openai.setCondition({ kind: 'healthy' })

  say('the search has spent 90% of its budget: every other call is held back')
  const budget = begin('search')
  const spentUntil = clock.now() + 2.5 * unit
  gear.signal('search', { kind: 'budget', mode: 'throttled', share: 0.5, until: spentUntil, rule: 'search_daily' })
  await until(isNot('openai', 'rateLimited'), 4)
  rateLimit.over = true
  await wait(0.5)

  say('openai is down: 503 for every request')
  const outage = begin('openai')
  openai.setCondition({ kind: 'outage', status: 503 })
  await until(is('openai', 'open'), 3)
  await until(isNot('search', 'budgetLimited'), 3)
  budget.over = true

  say('an operator takes the cache out for maintenance')
  const maintenance = begin('cache')
  gear.command('cache', { name: 'beginMaintenance', by: 'demo', why: 'moving it', until: clock.now() + 1.5 * unit })
  // The outage outlasts the first probes, so that they are seen to fail.
  await until(() => outage.transitions.filter(({ to }) => to === 'open.cooling').length > 1, 5)
  outage.over = true
  openai.setCondition({ kind: 'healthy' })

  say('openai is up again; the breaker finds out with probes')
  const recovery = begin('openai')
  await until(is('openai', 'closed'), 6)
  recovery.over = true
  await until(is('cache', 'closed'), 4)
  maintenance.over = true

  say('all is well again; traffic grows back')
  await pause(clock, Math.max(unit, endsAt - clock.now()), signal)
  return { slowDown, rateLimit, budget, outage, maintenance, recovery }
}
