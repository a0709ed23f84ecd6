// What stands, from look to look: which of the findings of a moment is one of before that has grown, shrunk or changed its root,
// and what of that is worth telling. Owned by the correlator.
import { type Finding, type FindingPattern, findingKey, MOST_SERVICES } from '../model/findings.ts'
import { FIVE_MINUTES_MS, HOUR_MS, MINUTE_MS } from './scene.ts'

export interface FindingChange {
  readonly finding: Finding
  readonly over: boolean
}

interface Stand {
  /** As last found, with its id. */
  readonly finding: Finding
  readonly told: { readonly root: string | undefined; readonly severity: Finding['severity']; readonly services: number }
  /** Until then it stands though it is not found, epoch ms: one that was taken over. */
  readonly keptUntil: number
}

/** What is taken over stands at least so long, ms: enough to be found again if it still goes on. */
const FOUND_AGAIN_MS = 2 * MINUTE_MS
/** How long what was found stands after its interval (of a rhythm: two beats). */
const STANDS_MS: { readonly [P in Exclude<FindingPattern, 'recurring'>]: number } = {
  burst: MINUTE_MS,
  system_wide: MINUTE_MS,
  common_cause: FIVE_MINUTES_MS,
  cascade: FIVE_MINUTES_MS,
  temporal_correlation: HOUR_MS,
  node_outlier: MINUTE_MS,
}
/** A finding that has grown to this multiple is told again. */
const GROWN = 2

export class StandingFindings {
  #standing = new Map<string, Stand>()

  get size(): number {
    return this.#standing.size
  }

  /** Takes over what stood before a restart, of which only the findings themselves are known. */
  adopt(findings: readonly Finding[], at: number): void {
    for (const finding of findings) {
      const key = findingKey(finding)
      const until = finding.interval.to + standsFor(finding)
      // What ended long ago would not be found again.
      const keptUntil = finding.interval.to < at - HOUR_MS ? until : Math.max(until, at + FOUND_AGAIN_MS)
      this.#standing.set(key, { finding: { ...finding, id: key }, told: toldOf(finding), keptUntil })
    }
  }

  /** Takes in all that is found at `at`. Returns what is over, then what is new or has changed so that it has to be told. */
  take(found: readonly Finding[], at: number): FindingChange[] {
    const before = this.#matched(found)
    const taken = new Set(before.values())
    const next = new Map<string, Stand>()
    const changes: FindingChange[] = []
    for (const [key, stand] of this.#standing) {
      if (taken.has(stand)) continue
      if (stand.keptUntil > at) next.set(key, stand)
      else changes.push({ finding: bounded(stand.finding), over: true })
    }
    for (const one of found) {
      const known = before.get(one)
      const id = known ? findingKey(known.finding) : freshId(one, at, this.#standing, next)
      // Once high, it is so as long as it stands.
      const severity = known?.told.severity === 'high' ? 'high' : one.severity
      const finding: Finding = { ...one, id, severity }
      const isNews = !known || isWorthTelling(known, finding)
      next.set(id, { finding, told: isNews ? toldOf(finding) : known.told, keptUntil: Number.NEGATIVE_INFINITY })
      if (isNews) changes.push({ finding: bounded(finding), over: false })
    }
    this.#standing = next
    return changes
  }

  /** Which of those that stand each of the found is. */
  #matched(found: readonly Finding[]): Map<Finding, Stand> {
    const free = new Map<string, Stand[]>()
    const exact = new Map<string, Stand>()
    for (const stand of this.#standing.values()) {
      const kind = kindOf(stand.finding)
      const alike = free.get(kind)
      if (alike) alike.push(stand)
      else free.set(kind, [stand])
      exact.set(`${kind}:${stand.finding.services.join()}`, stand)
    }
    const matched = new Map<Finding, Stand>()
    const taken = new Set<Stand>()
    const match = (finding: Finding, stand: Stand | undefined): void => {
      if (!stand || taken.has(stand)) return
      matched.set(finding, stand)
      taken.add(stand)
    }
    for (const finding of found) match(finding, exact.get(`${kindOf(finding)}:${finding.services.join()}`))
    for (const finding of found) {
      if (matched.has(finding) || finding.services.length < 2) continue
      const names = new Set(finding.services)
      const candidates = (free.get(kindOf(finding)) ?? []).filter((stand) => !taken.has(stand))
      let best: { readonly stand: Stand; readonly score: number } | undefined
      for (const stand of candidates) {
        const score = likeness(names, finding, stand.finding)
        if (score > (best?.score ?? 0)) best = { stand, score }
      }
      match(finding, best?.stand)
    }
    return matched
  }
}

/** What may be the same finding: a common cause is one of a failure type. */
function kindOf({ pattern, failureType }: Finding): string {
  return pattern === 'common_cause' ? `${pattern} ${failureType}` : pattern
}

/** 0 unless more than half of the services of the smaller are in both; those of one root come first. */
function likeness(names: ReadonlySet<string>, one: Finding, other: Finding): number {
  const both = other.services.filter((name) => names.has(name)).length
  const share = both / Math.min(names.size, other.services.length)
  return share > 0.5 ? share + (one.root === other.root ? 1 : 0) : 0
}

function isWorthTelling({ told }: Stand, { root, severity, services }: Finding): boolean {
  return told.root !== root || told.severity !== severity || services.length >= GROWN * told.services
}

function toldOf({ root, severity, services, serviceCount }: Finding): Stand['told'] {
  return { root, severity, services: serviceCount ?? services.length }
}

function standsFor({ pattern, periodMs = HOUR_MS, spreadMs = 0 }: Finding): number {
  return pattern === 'recurring' ? 2 * periodMs + 3 * spreadMs : STANDS_MS[pattern]
}

function freshId({ pattern }: Finding, at: number, ...held: readonly ReadonlyMap<string, unknown>[]): string {
  const id = `${pattern}@${at}`
  let fresh = id
  for (let n = 2; held.some((ids) => ids.has(fresh)); n++) fresh = `${id}.${n}`
  return fresh
}

/** As it is told: however many services it concerns, it names some, the root among them. */
function bounded(finding: Finding): Finding {
  const { services, root } = finding
  if (services.length <= MOST_SERVICES) return finding
  const others = services.filter((name) => name !== root).slice(0, root === undefined ? MOST_SERVICES : MOST_SERVICES - 1)
  const named = root === undefined ? others : [...others, root].sort()
  return { ...finding, services: named, serviceCount: finding.serviceCount ?? services.length }
}
