// The budgets as users of a board ask about them; those of a board that has none say so.
import { ConfigError } from '../../model/errors.ts'
import type { BudgetKeeper } from './budgetKeeper.ts'

export type GearBudgets = Pick<BudgetKeeper, 'statuses' | 'spent' | 'estimate' | 'raise'>

export const NO_BUDGETS: GearBudgets = {
  statuses: () => [],
  spent: () => ({ day: 0, month: 0 }),
  estimate: () => undefined,
  raise(rule) {
    throw new ConfigError('budgets.rules', rule, 'nothing: no budgets are configured')
  },
}
