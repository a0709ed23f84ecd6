// An example or two of what travels on each channel of the fleet's bus: for the AsyncAPI document.
const at = 1_767_225_600_000

export const EXAMPLES: Readonly<Record<string, readonly object[]>> = {
  outcome: [
    { result: 'failure', failure: 'timeout', latency: 30_000 },
    { id: 'web-1-42', at, result: 'success', latency: 812.5, count: 40, slow: 2, model: 'gpt-5', cost: 0.12 },
  ],
  signal: [{ at, signal: { kind: 'limit', mode: 'paced', until: at + 30_000, perSecond: 2, reason: 'x-ratelimit-remaining' } }],
  transition: [{ at, from: 'closed.watching', to: 'open.cooling', generation: 3, reason: 'failure_rate', until: at + 30_000 }],
  command: [{ at, command: { name: 'trip', by: 'ann', why: 'the provider asked us to' } }],
  finding: [
    {
      at,
      over: false,
      finding: {
        pattern: 'node_outlier',
        services: ['openai'],
        node: 'web-3',
        strength: 0.9,
        severity: 'normal',
        interval: { from: at - 60_000, to: at },
        evidence: { counts: [{ service: 'openai', calls: 40, failures: 38 }], occasions: 1, chance: 0.001, events: [] },
        recommendations: ['look at the network of web-3'],
      },
    },
  ],
  alert: [{ at, level: 'error', code: 'quota_exceeded', message: 'openai: the quota is gone' }],
  decision: [
    {
      at,
      decision: 'fallback',
      why: 'ERR_SWITCHGEAR_OPEN',
      steps: [{ name: 'cache', result: 'answered' }],
      result: 'answered',
      duration: 3.2,
    },
  ],
  directive: [
    {
      v: 1,
      service: 'openai',
      epoch: 12,
      at,
      lifetime: 15_000,
      state: 'open',
      level: 0,
      admissionRatio: 1,
      hold: true,
      probe: 'web-1',
      trip: { id: '12-3', why: 'quorum', nodes: 5, open: 3, calls: 400, failures: 250 },
      retryAfterMs: 12_000,
      rule: 'fleet_trip',
      reason: '3 of 5 nodes have opened',
    },
  ],
  node: [
    {
      v: 1,
      node: 'web-1',
      session: 'k3v9',
      at,
      software: 'switchgear 0.1.0',
      leads: false,
      services: { openai: { kind: 'openai', path: 'open.cooling', since: at - 2_000, calls: 80, failures: 52 } },
      dropped: 0,
    },
  ],
  ledger: [
    {
      v: 1,
      node: 'web-1',
      session: 'k3v9',
      day: 1_767_225_600_000,
      month: 1_767_225_600_000,
      services: { openai: { day: 1_250_000_000, month: 41_000_000_000 } },
    },
  ],
  rejected: [
    {
      v: 1,
      at,
      by: 'leader-1',
      subject: 'sg.v1.shop.outcome.openai.web-7',
      index: 3,
      reason: 'latency: got "fast"; allowed: a number of ms from 0 to 1000000000',
      count: 2,
    },
  ],
}
