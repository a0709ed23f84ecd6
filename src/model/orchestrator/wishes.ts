// What the rules that stand want of each service. Used by supervise.ts, which has desired.ts make directives of it.
import type { DegradationLevel } from '../states.ts'
import type { RuleAction } from './config.ts'
import { isDown, type OrchestratorContext } from './context.ts'
import { dependenciesOf, dependentsOf } from './graph.ts'
import { isEmpty, withAll } from './named.ts'
import { CASCADE, CHAIN, goneBy, OVERLOAD, type RuleView } from './rules.ts'
import { isGone, standingOf } from './standing.ts'

/** What one rule wants of one service. */
export interface Wish {
  readonly rule: string
  readonly priority: number
  readonly reason: string
  /** At least this level. */
  readonly to: DegradationLevel
  /** So many levels beneath what other rules want. */
  readonly by: DegradationLevel
  readonly admissionRatio: number
  readonly hold: boolean
}

export type Wishes = ReadonlyMap<string, readonly Wish[]>

const NONE: Wishes = new Map()

/** What the rules that stand want, by service. */
export function wishesOf(context: OrchestratorContext, view: RuleView): Wishes {
  const { config, services, latches, system } = context
  if (!config || (system.state !== 'emergency' && isEmpty(latches))) return NONE
  const wishes = new Map<string, Wish[]>()
  const wish = (of: readonly string[], rule: string, priority: number, reason: string, action: Partial<Wish>): void => {
    const one: Wish = { rule, priority, reason, to: 0, by: 0, admissionRatio: 1, hold: false, ...action }
    for (const service of of) {
      const known = wishes.get(service)
      if (known) known.push(one)
      else wishes.set(service, [one])
    }
  }
  const { all, others } = standingOf(services)
  const { rules, ownRules, places } = config
  const wanted = (service: string, rule: string): boolean => context.wanted[service]?.includes(rule) ?? false
  // A rule whose cause has gone keeps whom it has, for a while, and takes in nobody new.
  const staying = (rule: string, whom: readonly string[]): readonly string[] =>
    latches[rule]?.clearSince === undefined ? whom : whom.filter((service) => wanted(service, rule))
  if (system.state === 'emergency' && all.some((service) => places[service]?.critical)) {
    const rest = others.filter((service) => !places[service]?.critical)
    wish(rest, 'emergency', 20, 'what is left is for critical services', { to: 2 })
  }
  if (latches[CASCADE]) {
    const reason = view.failing.length > 0 ? `${listed(view.failing)} failing` : 'services were failing a moment ago'
    wish(staying(CASCADE, others), CASCADE, 10, reason, { by: 1 })
  }
  if (latches[OVERLOAD]) {
    const { share } = rules[OVERLOAD]
    wish(staying(OVERLOAD, others), OVERLOAD, 9, 'too many calls fail everywhere', { admissionRatio: share })
  }
  const gone = goneBy(latches)
  const above = new Set([...gone].flatMap((service) => dependentsOf(places, service)))
  for (const service of above.size === 0 ? [] : all) {
    if (!above.has(service)) continue
    const beneath = dependenciesOf(places, service).filter((name) => gone.has(name))
    const { path } = services[service]!
    // Shut by an operator, it does nothing that could be less.
    if (path === 'open.forced' || path === 'maintenance') continue
    const areBack = !beneath.some((name) => isGone(services[name]))
    // Who may probe because they are back has to prove itself anyway; and nobody new is taken in.
    if (areBack && (isDown(path) || path === 'closed.ramping' || !wanted(service, CHAIN))) continue
    wish([service], CHAIN, 8, `depends on ${listed(beneath)}`, { to: rules[CHAIN].level })
  }
  for (const { name, priority, then } of ownRules) {
    if (!latches[name]) continue
    wish(staying(name, meant(then, all, others)), name, priority, name, actionOf(then))
  }
  return wishes
}

/** By service, the rules that want something of it; the same object where nothing has changed. */
export function wantedBy(before: OrchestratorContext['wanted'], wishes: Wishes): OrchestratorContext['wanted'] {
  let isSame = Object.keys(before).length === wishes.size
  for (const [service, own] of wishes) {
    if (!isSame) break
    const rules = before[service]
    isSame = rules?.length === own.length && own.every(({ rule }, i) => rule === rules[i])
  }
  if (isSame) return before
  return withAll(
    {},
    [...wishes].map(([service, own]) => [service, own.map(({ rule }) => rule)]),
  )
}

function meant({ services, hold }: RuleAction, all: readonly string[], others: readonly string[]): readonly string[] {
  const among = hold ? all : others
  return services ? among.filter((service) => services.includes(service)) : among
}

function actionOf({ degradeOthersBy, degradeTo, admit, hold }: RuleAction): Partial<Wish> {
  return { by: degradeOthersBy ?? 0, to: degradeTo ?? 0, admissionRatio: admit ?? 1, hold: hold ?? false }
}

export function listed(names: readonly string[]): string {
  const shown = names.slice(0, 3).join(', ')
  return names.length > 3 ? `${shown} and ${names.length - 3} more` : shown
}
