// The last act: OpenAI is down, LightRAG, which depends on it, does less and then fails too, and the cache is taken out for
// maintenance. They come back in order: LightRAG is not probed before OpenAI is well.
import type { Episode } from './ledger.ts'
import type { Stage } from './stage.ts'

export interface OutageEpisodes {
  readonly outage: Episode
  /** Of the service that depends on it. */
  readonly cascade: Episode
  readonly maintenance: Episode
  /** From the moment the service was well again. */
  readonly recovery: Episode
}

export async function outageAct(stage: Stage): Promise<OutageEpisodes> {
  const { openai, lightrag, gear, clock } = stage.board
  stage.say('openai is down: 503 for every request')
  const outage = stage.begin('openai')
  const cascade = stage.begin('lightrag')
  openai.setCondition({ kind: 'outage', status: 503 })
  await stage.until(() => stage.is('openai', 'open'), 3)

  await stage.until(() => stage.is('lightrag', 'degraded'), 2)
  stage.say('lightrag is asked for less before it fails; without openai it soon does')
  lightrag.setCondition({ kind: 'outage', status: 500 })
  await stage.until(() => stage.is('lightrag', 'open'), 3)

  stage.say('an operator takes the cache out for maintenance')
  const maintenance = stage.begin('cache')
  const until = clock.now() + 1.5 * stage.unit
  gear.command('cache', { name: 'beginMaintenance', by: 'demo', why: 'moving it', until })
  // The outage outlasts the first probes, so that they are seen to fail.
  await stage.until(() => outage.transitions.filter(({ to }) => to === 'open.cooling').length > 1, 5)
  outage.over = true
  openai.setCondition({ kind: 'healthy' })
  lightrag.setCondition({ kind: 'healthy' })

  stage.say('openai and lightrag are up again; the breakers find out with probes, openai first')
  const recovery = stage.begin('openai')
  await stage.until(() => stage.is('openai', 'closed'), 6)
  recovery.over = true
  await stage.until(() => stage.is('lightrag', 'closed'), 4)
  cascade.over = true
  await stage.until(() => stage.is('cache', 'closed'), 4)
  maintenance.over = true
  return { outage, cascade, maintenance, recovery }
}
