// What counts as spent under one rule: this day's, this month's, or the last so many ms'.
import { toNanos } from './money.ts'
import type { BudgetRule } from './rules.ts'
import { SlidingSpend } from './slidingSpend.ts'

export type Span = 'day' | 'month' | 'rate' | 'call'

export class RuleSpend {
  readonly span: Span
  readonly sliding: SlidingSpend | undefined
  #total = 0
  /** What of the sliding spend is other nodes'; made when the first of them has spent anything. */
  #others: SlidingSpend | undefined
  /** What may be spent, billionths of a dollar. */
  limit: number

  constructor(readonly rule: BudgetRule) {
    this.span = spanOf(rule)
    this.sliding = this.span === 'rate' ? new SlidingSpend(rule.per) : undefined
    this.limit = toNanos(rule.limit)
  }

  counts(service: string, operation: string | undefined): boolean {
    const { services, operations } = this.rule
    return isIn(services, service) && (operations === undefined || (operation !== undefined && operations.includes(operation)))
  }

  /** Billionths of a dollar that count at `at`; nothing for a rule on single calls. */
  at(at: number): number {
    return this.sliding === undefined ? this.#total : this.sliding.at(at)
  }

  add(at: number, nanos: number): void {
    if (this.sliding !== undefined) this.sliding.add(at, nanos)
    else if (this.span !== 'call') this.#total += nanos
  }

  /** Other nodes of the fleet have spent so much: it counts here, and is saved there. */
  addOthers(at: number, nanos: number): void {
    if (this.sliding !== undefined) {
      this.#others ??= new SlidingSpend(this.rule.per)
      this.#others.add(at, nanos)
    }
    this.add(at, nanos)
  }

  /** Of a sliding spend, this node's own part: the end of each bucket that holds any, and what it holds. */
  saveOwn(): [endsAt: number, nanos: number][] {
    const others = new Map(this.#others?.save())
    const own = (this.sliding?.save() ?? []).map(([at, nanos]): [number, number] => [at, nanos - (others.get(at) ?? 0)])
    return own.filter(([, nanos]) => nanos > 0)
  }

  /** A clock that was ahead is right now. */
  notAfter(now: number): void {
    this.sliding?.notAfter(now)
    this.#others?.notAfter(now)
  }

  /** The period is over, or is read anew from what was saved. */
  startFrom(nanos: number): void {
    this.#total = nanos
  }
}

function spanOf({ type }: BudgetRule): Span {
  if (type === 'rate') return 'rate'
  if (type === 'operation') return 'call'
  return type.endsWith('daily') ? 'day' : 'month'
}

function isIn(services: readonly string[] | undefined, service: string): boolean {
  return services?.includes(service) ?? true
}
