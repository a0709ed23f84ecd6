// The fourth act: Perplexity's budget of the day is at 90%, and then spent, until an operator raises it.
import { BLOCK_RULE, THROTTLE_RULE } from './demoServices.ts'
import type { Episode } from './ledger.ts'
import type { Stage } from './stage.ts'

/** Of the budget, spent when the act begins. */
const SPENT = 0.88
const THROTTLE_AT = 0.9
/** Dollars; a budget cannot be nothing, even where nothing was spent. */
const LEAST = 0.01

export async function budgetAct(stage: Stage): Promise<{ readonly budget: Episode }> {
  const { gear } = stage.board
  const limit = (dollars: number, why: string): void => {
    gear.budgets.raise(BLOCK_RULE, dollars, { by: 'demo', why })
    gear.budgets.raise(THROTTLE_RULE, THROTTLE_AT * dollars, { by: 'demo', why })
  }
  const spent = Math.max(LEAST, gear.budgets.spent('perplexity').day)
  stage.say(`perplexity has spent ${SPENT * 100}% of its budget of the day`)
  const budget = stage.begin('perplexity')
  limit(spent / SPENT, 'the budget of the demo')
  await stage.until(() => stage.is('perplexity', 'budgetLimited'), 3)
  stage.say('90% is spent: every other call is held back')
  // Told of as well where a little is left, too little for a call.
  await stage.until(() => budget.heard('budget_exceeded') !== undefined, 4)
  stage.say('100% is spent: perplexity is left alone')
  await stage.wait(0.7)
  stage.say('an operator raises the budget')
  limit(10 * spent, 'the incident is worth it')
  await stage.until(() => !stage.is('perplexity', 'budgetLimited'), 3)
  budget.over = true
  return { budget }
}
