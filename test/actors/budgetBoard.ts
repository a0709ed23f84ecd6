// A board with a keeper of its budgets, wired as `createSwitchgear` wires it, in virtual time and with a journal in memory.
import { onTestFinished } from 'vitest'
import { Board } from '../../src/actors/board.ts'
import type { Breaker } from '../../src/actors/breaker.ts'
import { BudgetKeeper } from '../../src/actors/budgets/budgetKeeper.ts'
import { type ExecuteOptions, execute, type Protected } from '../../src/actors/execute.ts'
import { parentOf } from '../../src/actors/keyedName.ts'
import { MemoryBus } from '../../src/bus/memoryBus.ts'
import { MemoryJournal } from '../../src/bus/memoryJournal.ts'
import type { BudgetsInput } from '../../src/model/budgets/rules.ts'
import { parseConfig, type ServiceInput } from '../../src/model/config.ts'
import type { AlertRecord, JournalRecord, SignalRecord } from '../../src/model/records.ts'
import { Replayer } from '../../src/replay/replayer.ts'
import { profileFor } from '../../src/services/profiles.ts'
import { VirtualClock } from '../../src/testing/index.ts'
import { ofType } from './testBoard.ts'

export interface BudgetBoard {
  readonly board: Board
  readonly keeper: BudgetKeeper
  readonly clock: VirtualClock
  readonly journal: MemoryJournal
  breaker(name: string): Breaker
  call<T>(name: string, run: Protected<T>, options?: ExecuteOptions): Promise<T>
  /** A call that is answered at once, at this price. */
  pay(name: string, cost: number | undefined, options?: ExecuteOptions): Promise<unknown>
  alerts(): AlertRecord[]
  signals(service?: string): SignalRecord[]
  /** What comes back from a journal file. */
  records(): JournalRecord[]
  close(): void
}

export interface BudgetBoardOptions {
  readonly budgets: BudgetsInput
  readonly services?: Record<string, ServiceInput>
  readonly clock?: VirtualClock
  /** Records of a session before. */
  readonly before?: readonly JournalRecord[]
}

/** A value whose price the test profile reads. */
export interface Priced {
  readonly cost?: number
  readonly operation?: string
  readonly costEstimated?: boolean
}

export function budgetBoard(options: BudgetBoardOptions): BudgetBoard {
  const { budgets, services = { openai: {} }, clock = new VirtualClock(), before = [] } = options
  const config = parseConfig({ services, budgets })
  const names = Object.entries(config.services)
  const journal = new MemoryJournal()
  const keeper: BudgetKeeper = new BudgetKeeper({
    budgets: config.budgets,
    quotas: new Map(names.flatMap(([name, { settings }]) => (settings.quota === undefined ? [] : [[name, settings.quota]]))),
    services: new Map(names.map(([name, { kind }]) => [name, kind])),
    clock,
    tell: (service, signal, at) => board.get(service)?.signal(at, signal),
    standing: (service) => board.get(service)?.context.standing,
    alert: (record) => {
      board.emit(record)
      board.deliver()
    },
  })
  const replayer = new Replayer()
  for (const [index, record] of before.entries()) {
    replayer.take(record, index + 1)
    keeper.recall(record)
  }
  const board = new Board({
    clock,
    bus: new MemoryBus(),
    seed: 7,
    software: 'test',
    profileFor: (kind) => ({
      ...profileFor(kind),
      measure: (value) => (typeof value === 'object' && value !== null ? (value as Priced) : undefined),
    }),
    spend: () => keeper.save(),
    outfit: (breaker) => {
      breaker.budgets = keeper.desk(breaker.service)
    },
  })
  for (const [name, { kind, policy }] of names) board.add(name, kind, policy, board.now())
  for (const saved of replayer.saved()) {
    const parent = board.get(parentOf(saved.service))
    if (parent === undefined) continue
    const one = board.get(saved.service) ?? board.add(saved.service, parent.kind, parent.policy, board.now())
    one.restore(saved, board.now())
  }
  journal.open((reason) => board.header(before.length > 0 && reason === 'start' ? 'restart' : reason))
  board.keep(journal)
  keeper.begin()
  const breaker = (name: string): Breaker => {
    const parent = config.services[parentOf(name)]
    if (!parent) throw new Error(`there is no service ${name}`)
    return board.get(name) ?? board.add(name, parent.kind, parent.policy, board.now(), true)
  }
  let closed = false
  const close = (): void => {
    if (closed) return
    closed = true
    keeper.dispose()
    board.stop()
  }
  onTestFinished(close)
  return {
    board,
    keeper,
    clock,
    journal,
    breaker,
    call: (name, run, options) => execute(breaker(name), run, options),
    pay: (name, cost, options) => execute(breaker(name), () => (cost === undefined ? {} : { cost }), options),
    alerts: () => ofType(journal.records, 'alert'),
    signals: (service) => ofType(journal.records, 'signal').filter((one) => service === undefined || one.service === service),
    records: () => JSON.parse(JSON.stringify(journal.records)),
    close,
  }
}

/** How rule `id` stands. */
export function statusOf({ keeper }: Pick<BudgetBoard, 'keeper'>, id: string) {
  const status = keeper.statuses().find(({ rule }) => rule === id)
  if (status === undefined) throw new Error(`there is no rule ${id}`)
  return status
}
