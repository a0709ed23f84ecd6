// One budget rule as it is kept while the board runs: what is spent under it, what calls in flight have set aside, whether it
// has taken hold, and who has been told.
import type { RuleSpend } from '../../model/budgets/ruleSpend.ts'
import type { BudgetRule } from '../../model/budgets/rules.ts'

export class BudgetAccount {
  readonly rule: BudgetRule
  /** Set aside for calls in flight, billionths of a dollar. */
  reserved = 0
  /** True from when the limit is met until the rule lets go. */
  standing = false
  /** What is left is too little for even the cheapest sort of call. */
  spentOut = false
  /** What services are told as its end, epoch ms. */
  until = 0
  /** Services that were told. */
  readonly told = new Set<string>()
  /** True where the rule is no business of the whole service, and so of its breaker: it is kept call by call. */
  readonly callByCall: boolean
  #credit = 1
  #nextAlert = Number.NEGATIVE_INFINITY

  constructor(readonly spend: RuleSpend) {
    this.rule = spend.rule
    this.callByCall = spend.rule.operations !== undefined || spend.span === 'call'
  }

  get limit(): number {
    return this.spend.limit
  }

  /** Is this one of the calls a throttled rule lets pass? Asking uses the share up. */
  takesShare(): boolean {
    this.#credit = Math.min(this.#credit + this.rule.throttleFactor, 2)
    if (this.#credit < 1) return false
    this.#credit -= 1
    return true
  }

  /** May an alert be raised at `at`, as the last was `cooldown` ago? Asking counts as raising it. */
  mayAlert(at: number): boolean {
    if (at < this.#nextAlert) return false
    this.#nextAlert = at + this.rule.cooldown
    return true
  }
}
