// The last act: OpenAI is down, the cache is taken out for maintenance, and both come back.
import type { Episode } from './ledger.ts'
import type { Stage } from './stage.ts'

export interface OutageEpisodes {
  readonly outage: Episode
  readonly maintenance: Episode
  /** From the moment the service was well again. */
  readonly recovery: Episode
}

export async function outageAct(stage: Stage): Promise<OutageEpisodes> {
  const { openai, gear, clock } = stage.board
  stage.say('openai is down: 503 for every request')
  const outage = stage.begin('openai')
  openai.setCondition({ kind: 'outage', status: 503 })
  await stage.until(() => stage.is('openai', 'open'), 3)

  stage.say('an operator takes the cache out for maintenance')
  const maintenance = stage.begin('cache')
  const until = clock.now() + 1.5 * stage.unit
  gear.command('cache', { name: 'beginMaintenance', by: 'demo', why: 'moving it', until })
  // The outage outlasts the first probes, so that they are seen to fail.
  await stage.until(() => outage.transitions.filter(({ to }) => to === 'open.cooling').length > 1, 5)
  outage.over = true
  openai.setCondition({ kind: 'healthy' })

  stage.say('openai is up again; the breaker finds out with probes')
  const recovery = stage.begin('openai')
  await stage.until(() => stage.is('openai', 'closed'), 6)
  recovery.over = true
  await stage.until(() => stage.is('cache', 'closed'), 4)
  maintenance.over = true
  return { outage, maintenance, recovery }
}
