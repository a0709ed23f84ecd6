// The second act: Perplexity answers without sources, and the cache runs out of memory.
import type { Episode } from './ledger.ts'
import type { Stage } from './stage.ts'

/** Calls that were asked for less that are worth a look. */
const ENOUGH = 6

export async function poorAct(stage: Stage): Promise<{ readonly poorAnswers: Episode; readonly fullMemory: Episode }> {
  const { perplexity, cache, gear } = stage.board
  stage.say('perplexity answers without sources; the cache is nearly out of memory')
  const poorAnswers = stage.begin('perplexity')
  const fullMemory = stage.begin('cache')
  perplexity.setCondition({ kind: 'poor' })
  cache.condition = { kind: 'full' }
  const poor = async (): Promise<void> => {
    await stage.until(() => gear.services.perplexity.path === 'degraded.level2' && perplexity.withoutSearch >= ENOUGH, 4)
    perplexity.setCondition({ kind: 'healthy' })
    stage.say('perplexity has sources again')
    await stage.until(() => !stage.is('perplexity', 'degraded'), 4)
  }
  const full = async (): Promise<void> => {
    await stage.until(() => stage.is('cache', 'degraded') && fullMemory.lessened >= ENOUGH, 4)
    cache.condition = { kind: 'healthy' }
    await stage.until(() => !stage.is('cache', 'degraded'), 4)
  }
  await Promise.all([poor(), full()])
  poorAnswers.over = true
  fullMemory.over = true
  return { poorAnswers, fullMemory }
}
