// Traffic that is told and not drawn: so many calls a second, and when whose calls fail. For tests of what is found in it.
import { FailureHistory } from '../../src/analysis/failureHistory.ts'
import { findCorrelations } from '../../src/analysis/findCorrelations.ts'
import type { FailureType } from '../../src/model/failures.ts'
import type { Finding, FindingPattern } from '../../src/model/findings.ts'
import type { Dependencies } from '../../src/model/orchestrator/graph.ts'

export const START = 1_790_000_000_000

export interface Told {
  readonly service: string
  /** Seconds from the start; a lone failure where they are the same. */
  readonly from: number
  readonly to: number
  readonly type?: FailureType
  /** Of ten calls so many fail; 10. */
  readonly tenths?: number
}

export interface Story {
  /** Calls a second of each service. */
  readonly services: Readonly<Record<string, number>>
  readonly seconds: number
  readonly faults?: readonly Told[]
  readonly graph?: Readonly<Record<string, readonly string[]>>
  /** The second from which on findings are asked for; 0. */
  readonly lookFrom?: number
}

/** Plays a story, and says what stands at its end and at every tenth second before. */
export function tell(story: Story): { readonly history: FailureHistory; readonly atEnd: Finding[]; readonly ever: Finding[] } {
  const history = new FailureHistory()
  const graph: Dependencies = Object.fromEntries(
    Object.entries(story.graph ?? {}).map(([service, dependsOn]) => [service, { dependsOn }]),
  )
  const ever: Finding[] = []
  let atEnd: Finding[] = []
  const calls = new Map<string, number>()
  const own = new Map(
    Object.keys(story.services).map((service) => [service, (story.faults ?? []).filter((one) => one.service === service)]),
  )
  for (let second = 0; second < story.seconds; second++) {
    const at = START + second * 1000
    history.advance(at)
    for (const [service, rate] of Object.entries(story.services)) {
      const before = calls.get(service) ?? 0
      calls.set(service, before + rate)
      const active = own.get(service)?.filter((one) => one.from < second + 1 && one.to > second) ?? []
      if (active.length === 0) {
        const count = Math.ceil(before + rate) - Math.ceil(before)
        if (count > 0) history.add(at, service, 'success', undefined, count)
        continue
      }
      for (let call = Math.ceil(before); call < before + rate; call++) {
        const when = at + ((call * 370) % 1000)
        const fault = active.find(
          (one) => when >= START + one.from * 1000 && when < START + one.to * 1000 && call % 10 < (one.tenths ?? 10),
        )
        history.add(when, service, fault ? 'failure' : 'success', fault?.type)
      }
    }
    for (const { service, from, to, type } of story.faults ?? []) {
      if (from === to && Math.floor(from) === second) history.add(START + from * 1000, service, 'failure', type)
    }
    if (second % 10 === 9 && second >= (story.lookFrom ?? 0)) {
      atEnd = findCorrelations(history, graph, at + 1000)
      ever.push(...atEnd)
    }
  }
  return { history, atEnd, ever }
}

export function patternsOf(findings: readonly Finding[]): FindingPattern[] {
  return [...new Set(findings.map(({ pattern }) => pattern))].sort()
}

export function ofPattern(findings: readonly Finding[], pattern: FindingPattern): Finding[] {
  return findings.filter((finding) => finding.pattern === pattern)
}
