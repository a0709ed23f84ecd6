// Counts the calls of services whose plan leaves them so many a month: a warning at nine tenths, and a breaker that knows when
// none is left.
import type { SpendLedger } from '../../model/budgets/spendLedger.ts'
import type { AlertRecord } from '../../model/records.ts'
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

  constructor(ledger: SpendLedger, options: QuotaOptions) {
    this.#ledger = ledger
    this.#options = options
  }

  of(service: string): number | undefined {
    return this.#options.quotas.get(service)
  }

  /**
   * A call asks to be let through: is there one left for it, beside those in flight? Where there is none, the service's breaker
   * is told in time to refuse it; breakers of keys, which are not told, have to be refused by who asks.
   */
  hasLeft(service: string, quota: number, at: number): boolean {
    if (this.#ledger.callsOf(service) + (this.#inFlight.get(service) ?? 0) < quota) return true
    this.#isGone(service, at)
    return false
  }

  /** A call is on its way. */
  comes(service: string): void {
    this.#inFlight.set(service, (this.#inFlight.get(service) ?? 0) + 1)
  }

  leaves(service: string): void {
    this.#inFlight.set(service, (this.#inFlight.get(service) ?? 1) - 1)
  }

  /** A call that was made has ended. */
  counts(service: string, quota: number, at: number): void {
    this.#ledger.countCall(at, service)
    this.#look(service, quota, at)
  }

  /** How long until the month is over, ms. */
  renewedIn(at: number): number {
    return Math.max(0, this.#ledger.month.until - at)
  }

  /** After a restart: what stands in the breakers against what was counted. */
  reconcile(at: number): void {
    const { services, standing } = this.#options
    for (const service of services.keys()) {
      const quota = this.of(service)
      const gone = standing(service)?.quota
      if (gone?.why === REASON && (quota === undefined || this.#ledger.callsOf(service) < quota)) this.#isBack(service, at)
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

  /** Told again whenever somebody has cleared it meanwhile: that waives nothing of a plan. */
  #isGone(service: string, at: number): void {
    const { until } = this.#ledger.month
    const { standing, tell } = this.#options
    if ((standing(service)?.quota?.until ?? 0) < until)
      tell(service, { kind: 'limit', mode: 'exhausted', until, reason: REASON }, at)
  }

  /** The signal clears the service's own pace too, which still stands. */
  #isBack(service: string, at: number): void {
    const { standing, tell } = this.#options
    const pace = standing(service)?.pace
    tell(service, { kind: 'limitCleared' }, at)
    if (pace === undefined || pace.until <= at) return
    const { until, perSecond, why } = pace
    tell(service, { kind: 'limit', mode: 'paced', until, perSecond, reason: why }, at)
  }
}
