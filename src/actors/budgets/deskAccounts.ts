// The budget rules that one service's calls fall under, by operation, and whether its calls cost anything at all.
import { defaultEstimate } from '../../model/budgets/defaultEstimates.ts'
import type { BudgetAccount } from './budgetAccount.ts'

/** Names of operations come from callers: a map of them must not grow without end. */
const OPERATIONS_KEPT = 1000

export class DeskAccounts {
  /** Are its calls known, said or commonly expected to cost anything? Once they are, they stay so. */
  charges: boolean
  readonly #byOperation = new Map<string | undefined, readonly BudgetAccount[]>()

  constructor(
    readonly service: string,
    readonly kind: string,
    readonly quota: number | undefined,
    readonly accounts: readonly BudgetAccount[],
  ) {
    this.charges = defaultEstimate(kind, undefined) !== undefined
  }

  /** The rules that count a call of `operation`, in the order in which they are heard. */
  under(operation: string | undefined): readonly BudgetAccount[] {
    const known = this.#byOperation.get(operation)
    if (known !== undefined) return known
    if (this.#byOperation.size >= OPERATIONS_KEPT) this.#byOperation.clear()
    const found = this.accounts.filter(({ spend }) => spend.counts(this.service, operation)).sort(byHearing)
    this.#byOperation.set(operation, found)
    return found
  }
}

/** Rules that block are heard first, each kind by priority. */
function byHearing(one: BudgetAccount, other: BudgetAccount): number {
  const blocks = Number(other.rule.action === 'block') - Number(one.rule.action === 'block')
  return blocks || other.rule.priority - one.rule.priority
}
