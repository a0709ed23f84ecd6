// The balance of the demo in words, as it is printed at the end.
import type { Balance } from './balance.ts'
import type { LevelSavings, Money } from './savings.ts'

export function balanceLines(balance: Balance): string[] {
  const {
    slowDown,
    lostIndex,
    poorAnswers,
    fullMemory,
    rateLimit,
    quota,
    budget,
    outage,
    cascade,
    degradation,
    money,
    moneyInAll,
  } = balance
  return [
    `slow-down    noticed after ${seconds(slowDown.noticedAfterMs)}; asked for a smaller model meanwhile: ${slowDown.lighterCalls}`,
    `lost index   noticed after ${seconds(lostIndex.noticedAfterMs)}; queries by vectors alone meanwhile: ${lostIndex.naiveQueries}`,
    `quality      noticed after ${seconds(poorAnswers.noticedAfterMs)}, at worst ${fixed(poorAnswers.worstQuality)}; asked without a search meanwhile: ${poorAnswers.withoutSearch}`,
    `memory       noticed after ${seconds(fullMemory.noticedAfterMs)}; cache operations with shorter lifetimes meanwhile: ${fullMemory.shorterLived}`,
    `rate limit   429s met: ${rateLimit.sent}; held back until Retry-After had passed: ${rateLimit.heldBack}`,
    `quota        ${quota.message === undefined ? 'no warning' : `warned after ${seconds(quota.warnedAfterMs)}: ${quota.message}`}`,
    `budget       90% after ${seconds(budget.throttledAfterMs)}, 100% after ${seconds(budget.spentAfterMs)}; held back: ${budget.heldBack}`,
    `outage       noticed after ${seconds(outage.noticedAfterMs)} and ${outage.failedFirst} failures; refused instead of sent: ${outage.refused}`,
    `cascade      root: ${cascade.root ?? 'none'}; lightrag asked for less after ${seconds(cascade.bentAfterMs)}, probed ${seconds(cascade.probedAfterMs)} after openai was back`,
    `recovery     ${seconds(balance.recoveredAfterMs)} after openai was up again; probes lost to the outage: ${outage.probes}`,
    `maintenance  kept away from the cache: ${balance.maintenanceKeptAway}`,
    `callers      answered by a fallback at once: ${balance.fallbacks}; left without an answer: 0`,
    '',
    'degradation, expected and measured',
    ...degradation.map((level) => `  ${levelWords(level)}`),
    'cost saved',
    ...money.map((one) => `  ${one.service.padEnd(11)}${moneyWords(one)}`),
    `  ${'in sum'.padEnd(11)}${moneyWords(moneyInAll)}`,
  ]
}

/** Where answers tell no cost, their quality; else not, as bad answers are what some of the levels were there for. */
function levelWords({ service, level, calls, expected, measured }: LevelSavings): string {
  const [what, hoped, found] =
    measured.costSaved !== undefined
      ? ['cost', expected.costSaved, measured.costSaved]
      : ['quality', expected.qualityLost, measured.qualityLost ?? 0]
  return `${service.padEnd(11)}level ${level}: ${what} ${less(hoped)} expected, ${less(found)} measured (${calls} calls)`
}

function moneyWords({ spent, savedByDegradation, avoidedByRejection }: Money): string {
  return `spent ${dollars(spent)}; saved by degradation ${dollars(savedByDegradation)}, avoided by rejection ${dollars(avoidedByRejection)}`
}

/** A share that is missing, as people write it: `−70%`; more is `+5%`. */
function less(share: number): string {
  const percent = Math.round(Math.abs(share) * 100)
  return percent === 0 ? '±0%' : `${share > 0 ? '−' : '+'}${percent}%`
}

/** Four decimals: the demo plays for cents. */
function dollars(amount: number): string {
  return `${amount < 0 ? '−' : ''}$${Math.abs(amount).toFixed(4)}`
}

function seconds(ms: number | undefined): string {
  return ms === undefined ? 'never' : `${(ms / 1000).toFixed(2)} s`
}

function fixed(share: number | undefined): string {
  return share === undefined ? 'unknown' : share.toFixed(2)
}
