// Plays an incident to a history, as a process would have seen it, and asks for findings every so often.
import type { FailureHistory } from '../../src/analysis/failureHistory.ts'
import { findCorrelations } from '../../src/analysis/findCorrelations.ts'
import type { Finding } from '../../src/model/findings.ts'
import type { Incident } from './incident.ts'
import { EPOCH } from './traffic.ts'

export const TICK_SECONDS = 10

/** `onFindings` gets what stands every ten seconds, with the time in ms from the beginning. */
export function play(incident: Incident, history: FailureHistory, onFindings: (findings: Finding[], at: number) => void): void {
  const next = new Array<number>(incident.recordings.length).fill(0)
  for (let second = 0; second < incident.seconds; second++) {
    const start = EPOCH + second * 1000
    history.advance(start)
    for (const [index, { service, successes, failures }] of incident.recordings.entries()) {
      const succeeded = successes[second]!
      if (succeeded > 0) history.add(start + 500, service, 'success', undefined, succeeded)
      for (let failed = failures[next[index]!]; failed && failed.at < second * 1000 + 1000; failed = failures[++next[index]!]) {
        history.add(EPOCH + failed.at, service, 'failure', failed.type)
      }
    }
    if (second % TICK_SECONDS === TICK_SECONDS - 1)
      onFindings(findCorrelations(history, incident.graph, start + 1000), second * 1000 + 1000)
  }
}
