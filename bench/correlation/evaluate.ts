// One incident or quiet period against the analysis: what was demanded and found, and what was found and is not true.
import { FailureHistory } from '../../src/analysis/failureHistory.ts'
import type { Finding, FindingPattern } from '../../src/model/findings.ts'
import type { Incident } from '../../test/incidents/incident.ts'
import { isFound, isPermitted, type Label } from '../../test/incidents/labels.ts'
import { play } from '../../test/incidents/play.ts'
import { correlatedByRule, type NamePair, pairKey, pairsOf } from './naive.ts'

export interface Verdict {
  readonly kind: string
  readonly seed: number
  readonly seconds: number
  readonly labels: readonly { readonly pattern: FindingPattern; readonly found: boolean; readonly delayMs?: number }[]
  /** Findings that are not true, each once: pattern, services and root. */
  readonly wrong: readonly { readonly pattern: FindingPattern; readonly what: string; readonly at: number }[]
  /** Pairs of services: truly together, said to be by any finding, and by the rule. */
  readonly pairs: { readonly true: number; readonly ours: PairScore; readonly rule: PairScore }
}

export interface PairScore {
  readonly right: number
  readonly wrong: number
}

export function evaluate(incident: Incident): Verdict {
  const history = new FailureHistory()
  const foundAt = new Map<Label, number>()
  const wrong = new Map<string, Verdict['wrong'][number]>()
  const said = new Set<string>()
  play(incident, history, (findings, at) => {
    for (const finding of findings) {
      for (const pair of pairsStated(finding)) said.add(pairKey(pair))
      let isTrue = incident.permitted.some((permission) => isPermitted(finding, permission, at))
      for (const label of incident.expected) {
        if (at < label.from || !isFound(finding, label)) continue
        isTrue = true
        if (!foundAt.has(label)) foundAt.set(label, at)
      }
      const what = `${finding.services.join(' ')}${finding.root ? ` from ${finding.root}` : ''}`
      const key = `${finding.pattern} ${what}`
      if (!isTrue && !wrong.has(key)) wrong.set(key, { pattern: finding.pattern, what, at })
    }
  })
  const labels = incident.expected.map((label) => {
    const at = foundAt.get(label)
    return {
      pattern: label.pattern,
      found: at !== undefined && at <= label.due,
      ...(at !== undefined && { delayMs: at - label.from }),
    }
  })
  const truth = new Set(incident.together.flatMap((group) => pairsOf(group)).map(pairKey))
  const { kind, seed, seconds } = incident
  const pairs = { true: truth.size, ours: scored([...said], truth), rule: scored(correlatedByRule(incident).map(pairKey), truth) }
  return { kind, seed, seconds, labels, wrong: [...wrong.values()], pairs }
}

/** The pairs that a finding says belong together. */
function pairsStated({ pattern, services }: Finding): NamePair[] {
  return pattern === 'burst' || pattern === 'recurring' ? [] : pairsOf(services)
}

function scored(said: readonly string[], truth: ReadonlySet<string>): PairScore {
  const right = said.filter((pair) => truth.has(pair)).length
  return { right, wrong: said.length - right }
}
