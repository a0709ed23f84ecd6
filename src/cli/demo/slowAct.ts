// The first act: OpenAI slows down, and LightRAG loses its index. Both are asked for less until they are well again.
import type { Episode } from './ledger.ts'
import type { Stage } from './stage.ts'

const SLOW_BY = 600
/** Queries by vectors alone that are worth a look. */
const ENOUGH = 5

export async function slowAct(stage: Stage): Promise<{ readonly slowDown: Episode; readonly lostIndex: Episode }> {
  const { openai, lightrag, gear } = stage.board
  // On a machine that is busy with other things answers may have been slow already.
  await stage.until(() => stage.is('openai', 'closed'), 4)
  stage.say(`openai slows down: answers come ${SLOW_BY} ms late; lightrag loses its index`)
  const slowDown = stage.begin('openai')
  const lostIndex = stage.begin('lightrag')
  openai.setCondition({ kind: 'slow', ms: SLOW_BY })
  lightrag.setCondition({ kind: 'indexLost' })
  const slow = async (): Promise<void> => {
    await stage.until(() => stage.is('openai', 'degraded'), 4)
    openai.setCondition({ kind: 'healthy' })
    stage.say('openai is quick again; the breaker asks it for less until that has lasted')
    await stage.until(() => !stage.is('openai', 'degraded'), 4)
  }
  const lost = async (): Promise<void> => {
    await stage.until(() => gear.services.lightrag.path === 'degraded.level2' && lightrag.naiveQueries >= ENOUGH, 4)
    lightrag.setCondition({ kind: 'healthy' })
    await stage.until(() => !stage.is('lightrag', 'degraded'), 4)
  }
  await Promise.all([slow(), lost()])
  slowDown.over = true
  lostIndex.over = true
  return { slowDown, lostIndex }
}
