// Boards that spend money, as nodes of a fleet in virtual time.
import { FleetNode } from '../../../src/actors/fleet/fleetNode.ts'
import { toNanos } from '../../../src/model/budgets/money.ts'
import type { BudgetsInput } from '../../../src/model/budgets/rules.ts'
import type { VirtualClock } from '../../../src/testing/index.ts'
import type { MemoryFleet } from '../../fleet/memoryFleet.ts'
import type { MemoryLink } from '../../fleet/memoryLink.ts'
import { type BudgetBoard, budgetBoard } from '../budgetBoard.ts'

export interface Spender extends BudgetBoard {
  readonly name: string
  readonly node: FleetNode
  readonly link: MemoryLink
  /** All that every node has spent, as this one knows it, in nanodollars. */
  total(): { readonly day: number; readonly month: number }
}

export interface SpenderOptions {
  readonly budgets?: BudgetsInput
  readonly offset?: number
  /** An earlier process whose journal this one goes on from. */
  readonly recall?: BudgetBoard | undefined
}

const BUDGETS: BudgetsInput = {
  rules: [
    { id: 'day', type: 'absolute_daily', threshold: 1000, action: 'block' },
    { id: 'month', type: 'absolute_monthly', threshold: 1000, action: 'block' },
    { id: 'rate', type: 'rate', threshold: 1000, per: 3_600_000, action: 'block' },
  ],
}

let sessions = 0

export function spender(fleet: MemoryFleet, name: string, options: SpenderOptions = {}): Spender {
  const { budgets = BUDGETS, offset = 0, recall } = options
  const link = fleet.join(name, { offset })
  const clock = link.clock as unknown as VirtualClock
  const made = budgetBoard({ budgets, clock, services: { search: {}, maps: {} }, before: recall?.records() ?? [] })
  const { board, keeper } = made
  const session = `s${++sessions}`
  const bus = { subscribe: () => () => undefined }
  const node = new FleetNode({ link, board, bus, clock, keeper, session, software: 'test' })
  const total = (): { day: number; month: number } => {
    const { day, month } = keeper.spent()
    return { day: toNanos(day), month: toNanos(month) }
  }
  return { ...made, name, node, link, total }
}
