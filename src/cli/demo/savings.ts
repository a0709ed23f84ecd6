// What degradation and rejection cost and saved, service by service, as the board has measured it.
import type { DegradationLevel } from '../../model/states.ts'
import type { DemoGear, DemoService } from './demoServices.ts'
import type { Ledger } from './ledger.ts'

export interface Savings {
  /** Of each level at which a service was called, above 0. */
  readonly degradation: readonly LevelSavings[]
  readonly money: readonly ServiceMoney[]
  readonly moneyInAll: Money
}

export interface LevelSavings {
  readonly service: DemoService
  readonly level: DegradationLevel
  readonly calls: number
  /** Shares of what an undegraded call costs and is worth, 0–1. */
  readonly expected: { readonly costSaved: number; readonly qualityLost: number }
  /** Undefined where the service's answers do not tell. */
  readonly measured: { readonly costSaved: number | undefined; readonly qualityLost: number | undefined }
}

/** Dollars. */
export interface Money {
  readonly spent: number
  readonly savedByDegradation: number
  readonly avoidedByRejection: number
}

export interface ServiceMoney extends Money {
  readonly service: DemoService
}

export function savingsOf(gear: DemoGear, ledger: Ledger): Savings {
  const degradation: LevelSavings[] = []
  const money: ServiceMoney[] = []
  for (const service of Object.keys(gear.services) as DemoService[]) {
    const { impact } = gear.services[service]
    if (!impact) continue
    const { levels, spent, savedByDegradation } = impact
    const avoidedByRejection = (levels[0]?.cost ?? 0) * ledger.refused(service)
    for (const { level, calls, expected, measured } of levels) {
      const { costSaved, qualityLost } = measured
      if (level === 0 || calls === 0 || (costSaved === undefined && qualityLost === undefined)) continue
      const { costSaved: cost, performanceImpact: quality } = expected
      degradation.push({
        service,
        level,
        calls,
        expected: { costSaved: cost, qualityLost: quality },
        measured: { costSaved, qualityLost },
      })
    }
    if (spent > 0) money.push({ service, spent, savedByDegradation, avoidedByRejection })
  }
  const sum = (of: (one: Money) => number): number => money.reduce((total, one) => total + of(one), 0)
  return {
    degradation,
    money,
    moneyInAll: {
      spent: sum(({ spent }) => spent),
      savedByDegradation: sum((one) => one.savedByDegradation),
      avoidedByRejection: sum((one) => one.avoidedByRejection),
    },
  }
}
