// Counts the calls of services whose plan leaves them so many a month: a warning at nine tenths, and a breaker that knows when
// none is left.
import type { SpendLedger } from '../model/budgets/spendLedger.ts'
import type { AlertRecord } from '../model/records.ts'
import { quotaAlert } from './budgetAlerts.ts'
import type { RulingsOptions } from './budgetRulings.ts'

/** At this share of the calls a warning is given. */
const WARNING = 0.9
const REASON = 'the calls of this month are used up'

export interface QuotaOptions extends Pick<RulingsOptions, 'services' | 'tell' | 'standing'> {
  /** Calls a month, by service. */
  readonly quotas: ReadonlyMap<string, number>
  readonly alert: (record: AlertRecord) => void
}

export class QuotaCount {
  readonly #ledger: SpendLedger
  readonly #options: QuotaOptions
  readonly #inFlight = new Map<string, number>()
  /** By service: the end of the month for which its breaker knows that the quota is gone, epoch ms. */
  readonly #told = new Map<string, number>()

  constructor(ledger: SpendLedger, options: QuotaOptions) {
    this.#ledger = ledger
    this.#options = options
  }

  of(service: string): number | undefined {
    return this.#options.quotas.get(service)
  }

  /** A call asks to be let through; where calls in flight use up what is left, the breaker is told in time to refuse it. */
  comes(service: string, quota: number, at: number): void {
    const inFlight = this.#inFlight.get(service) ?? 0
    if (this.#ledger.callsOf(service) + inFlight >= quota) this.#isGone(service, at)
    this.#inFlight.set(service, inFlight + 1)
  }

  leaves(service: string): void {
    this.#inFlight.set(service, (this.#inFlight.get(service) ?? 1) - 1)
  }

  /** A call that was made has ended. */
  counts(service: string, quota: number, at: number): void {
    this.#ledger.countCall(at, service)
    this.#look(service, quota, at)
  }

  /** After a restart: what stands in the breakers against what was counted. */
  reconcile(at: number): void {
    const { services, standing, tell } = this.#options
    for (const service of services.keys()) {
      const quota = this.of(service)
      const gone = standing(service)?.quota
      if (gone?.why === REASON) {
        if (gone.until === this.#ledger.month.until) this.#told.set(service, gone.until)
        if (quota === undefined || this.#ledger.callsOf(service) < quota) {
          this.#told.delete(service)
          tell(service, { kind: 'limitCleared' }, at)
        }
      }
      if (quota !== undefined) this.#look(service, quota, at)
    }
  }

  #look(service: string, quota: number, at: number): void {
    const calls = this.#ledger.callsOf(service)
    if (calls >= quota * WARNING && !this.#ledger.warned(service)) {
      this.#ledger.markWarned(service)
      this.#options.alert(quotaAlert(service, at, calls, quota))
    }
    if (calls >= quota) this.#isGone(service, at)
  }

  #isGone(service: string, at: number): void {
    const { until } = this.#ledger.month
    if (this.#told.get(service) === until) return
    this.#told.set(service, until)
    this.#options.tell(service, { kind: 'limit', mode: 'exhausted', until, reason: REASON }, at)
  }
}
