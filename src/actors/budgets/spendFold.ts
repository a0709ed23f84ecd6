// What has been spent is a fold of the journal: this is its step. A restart takes it over the records of the last session.
import { nanosOf } from '../../model/budgets/money.ts'
import type { SpendLedger } from '../../model/budgets/spendLedger.ts'
import type { JournalRecord } from '../../model/records.ts'
import { parentOf } from '../keyedName.ts'

/** Which services' spend and calls the ledger is about. */
export interface SpendScope {
  spends(service: string): boolean
  hasQuota(service: string): boolean
}

/** Takes in one record. Throws a ConfigError for a header whose spend is not what a ledger saves. */
export function foldSpend(ledger: SpendLedger, record: JournalRecord, scope: SpendScope): void {
  switch (record.type) {
    case 'header':
      if (record.spend !== undefined) ledger.restore(record.spend)
      ledger.goTo(record.startedAt)
      return
    case 'outcome': {
      if (record.result === 'rejected' || record.unbudgeted) return
      const { at, result, operation, costEstimated } = record
      const service = parentOf(record.service)
      if (scope.hasQuota(service)) ledger.countCall(at, service)
      const nanos = nanosOf(record.cost)
      if (nanos === undefined || !scope.spends(service)) return
      ledger.book(at, service, operation, nanos, result === 'success' && !costEstimated)
      return
    }
    case 'alert': {
      if (record.by !== 'budgets') return
      const { code, rule, limit, over, service } = record
      if (code === 'quota_warning') ledger.markWarned(service)
      else if (code === 'budget_raised' && rule !== undefined && limit !== undefined) ledger.raise(rule, limit, over)
      return
    }
    default:
  }
}
