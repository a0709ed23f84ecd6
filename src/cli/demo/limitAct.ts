// The third act: OpenAI answers 429, and a batch job of malformed requests uses up most of the month's calls of Perplexity.
import type { Episode } from './ledger.ts'
import { pause } from './pause.ts'
import type { Stage } from './stage.ts'

const CALLS_AT_ONCE = 200

export async function limitAct(stage: Stage): Promise<{ readonly rateLimit: Episode; readonly quota: Episode }> {
  const { openai } = stage.board
  const retryAfter = (2 * stage.unit) / 1000
  stage.say(`openai answers 429, Retry-After ${retryAfter.toFixed(1)} s; a broken batch job calls perplexity`)
  const rateLimit = stage.begin('openai')
  const quota = stage.begin('perplexity')
  openai.setCondition({ kind: 'rateLimited', retryAfterSeconds: retryAfter })
  const limit = async (): Promise<void> => {
    await stage.until(() => stage.is('openai', 'rateLimited'), 3)
    openai.setCondition({ kind: 'healthy' })
    await stage.until(() => !stage.is('openai', 'rateLimited'), 4)
  }
  await Promise.all([limit(), batchJob(stage, quota)])
  rateLimit.over = true
  quota.over = true
  return { rateLimit, quota }
}

/** A request that Perplexity refuses as none: a call of the month's, and nothing to pay for. */
const MALFORMED = Object.assign(new Error('The request is none.'), { status: 400 })

/** Takes permits until the warning is heard. */
async function batchJob({ board, signal }: Stage, quota: Episode): Promise<void> {
  const { clock, gear } = board
  const goesOn = (): boolean => quota.heard('quota_warning') === undefined && gear.peek('perplexity') === undefined
  while (goesOn()) {
    for (let i = 0; i < CALLS_AT_ONCE && goesOn(); i++) gear.admit('perplexity').fail(MALFORMED)
    await pause(clock, 1, signal)
  }
}
