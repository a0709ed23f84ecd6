// What to do about a finding, in a sentence or two: shown to operators with it. Used by every pattern.
import type { FailureType } from '../model/failures.ts'
import { listed } from '../model/orchestrator/wishes.ts'

/** Of failures that several services share, or that one has in a burst: where to look first. */
const BY_TYPE: { readonly [T in FailureType]: string } = {
  timeout: 'Check what they have in common on the way: the local network, DNS, a proxy, the event loop of this process.',
  unknown_error: 'Check what they have in common on the way: the local network, DNS, a proxy.',
  service_unavailable: 'Check a provider, gateway or proxy that they share.',
  http_error: 'Check a provider or gateway that they share, and what was deployed last.',
  authentication: 'Check the credential that they share: it may have expired, been rotated or been revoked.',
  rate_limit: 'Check for a key or quota that they share, and slow down.',
  quota_exceeded: 'Check for an account whose quota they share.',
  budget_exceeded: 'Check the budget rule that covers them all.',
  quality_degradation: 'Check a model or index that they share.',
  memory_error: 'Check the host that they share for memory.',
}

export const recommend = {
  burst: (service: string): string[] => [
    `Look at what ${service} answers, and at its status page.`,
    'If its breaker stays closed, its thresholds are too lax for this.',
  ],
  recurring: (service: string, periodMs: number): string[] => [
    `Look for what happens every ${words(periodMs)} at or around ${service}: a job, a rotation, a cache that expires, a restart.`,
    'Move heavy work away from those moments, or degrade beforehand.',
  ],
  pair: (from: string, to: string, directed: boolean): string[] =>
    directed
      ? [
          `${to} fails after ${from}: if it depends on it, say so with dependsOn, so that it is degraded in time.`,
          `Look at ${from} first.`,
        ]
      : [`Look for what ${from} and ${to} have in common: a host, a provider, a database.`],
  cascade: (root: string, others: readonly string[], learned: boolean): string[] => [
    `Mend ${root} first; ${listed(others)} ${others.length === 1 ? 'fails' : 'fail'} in its wake.`,
    learned
      ? 'The dependency was learned from when they fail: if it is real, say so with dependsOn.'
      : `Degrade what depends on ${root} until it is back, and let it recover before them.`,
  ],
  commonCause: (type: FailureType): string[] => [BY_TYPE[type], 'Tripping their breakers one by one will not mend it.'],
  nodeOutlier: (node: string, services: readonly string[]): string[] => [
    `Look at ${node} itself: its network, DNS, credentials, deployment and load. No other node sees ${services.join(', ')} fail.`,
    'Take it out of rotation until it is well; the fleet does not trip for it.',
  ],
  systemWide: (services: readonly string[]): string[] => [
    'Look for a fault of your own first: network, deployment, overload.',
    `Shed load everywhere until fewer than ${services.length} services fail.`,
  ],
}

function words(ms: number): string {
  return ms < 120_000 ? `${Math.round(ms / 1000)} s` : `${(ms / 60_000).toFixed(1)} min`
}
