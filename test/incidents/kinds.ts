// The kinds of incident, each told with its labels, and the quiet periods in which nothing is to be found.
import type { FailureType } from '../../src/model/failures.ts'
import type { Random } from '../../src/model/random.ts'
import { type Incident, Stage, showing, widest } from './incident.ts'
import { IN_TIME_MS, type Label, type Permission, SHOWING_FAILURES, showsAt } from './labels.ts'
import { logUniform, normal, pick, some, uniform, whole } from './sampling.ts'
import type { Fault, Recording } from './traffic.ts'

const TYPES: readonly FailureType[] = [
  'timeout',
  'http_error',
  'service_unavailable',
  'unknown_error',
  'rate_limit',
  'memory_error',
]
const SERVER_TYPES: readonly FailureType[] = ['timeout', 'http_error', 'service_unavailable']

/** What is to be learned must have shown on so many occasions: of each pair that follows each other. */
const LEARNED_FROM = 5
/** Faults of one type that begin within this, ms, may be taken for one, though they followed each other. */
const ALIKE_MS = 6000

export function quiet(seed: number): Incident {
  const stage = new Stage('quiet', seed, 3600, 20)
  stage.connect(0.7)
  return stage.incident(stage.play(), { expected: [], permitted: [], together: [] })
}

function burst(seed: number): Incident {
  const stage = new Stage('burst', seed, 2700)
  const { random } = stage
  stage.connect(0.7)
  const service = pick(random, stage.names)
  const { rate } = stage.cast(service, 0.2, 100)
  const from = uniform(random, 1_200_000, 2_000_000)
  const share = uniform(random, 0.3, 1)
  const duration = Math.max(logUniform(random, 10_000, 240_000), 14_000 / (rate * share))
  const times = random.next() < 0.4 ? uniform(random, 1.5, 4) : 1
  stage.faults.push(fault(random, service, from, duration, pick(random, TYPES), { share, times }))
  const recordings = stage.play()
  const at = showsAt(recordings, stage.faults, 0)
  const expected = at === undefined ? [] : [label('burst', [service], [], from, at)]
  return stage.incident(recordings, { expected, permitted: [permit('burst', [service], from)], together: [] })
}

/** A service fails, and those that depend on it after it, as far as it gets through. */
function cascade(seed: number): Incident {
  const stage = new Stage('cascade along the graph', seed, 2700)
  const { random } = stage
  stage.connect(1.3)
  const dependents = (name: string) => stage.names.filter((other) => stage.graph.get(other)?.includes(name))
  const root = pick(
    random,
    stage.names.filter((name) => dependents(name).length > 0),
  )
  if (root === undefined) return cascade(seed + 50_000)
  const from = uniform(random, 1_200_000, 1_900_000)
  const duration = logUniform(random, 30_000, 300_000)
  const starts = new Map([[root, from]])
  for (const [name, at] of starts) {
    stage.cast(name, name === root ? 0.5 : 0.3, 100)
    const last = at + (name === root ? duration : duration * uniform(random, 0.5, 1.2))
    stage.faults.push(
      fault(random, name, at, last - at, pick(random, SERVER_TYPES), {
        share: uniform(random, 0.4, 1),
        times: name === root ? uniform(random, 1, 2) : 1,
      }),
    )
    for (const below of dependents(name)) {
      const lag = logUniform(random, 500, 60_000)
      if (!starts.has(below) && random.next() < 0.85 && at + lag - from < 150_000) starts.set(below, at + lag)
    }
  }
  return oneOff(stage, (shown, hidden) =>
    shown.has(root) && shown.size > 1
      ? [{ ...label('cascade', [...shown.keys()], hidden, from, Math.max(...shown.values())), root }]
      : [],
  )
}

/** Three or four services that nobody said depend on each other fail one after the other, again and again. */
function learnedCascade(seed: number): Incident {
  const stage = new Stage('cascade to be learned', seed, 4200)
  const { random } = stage
  const chain = some(random, stage.names, whole(random, 3, 4))
  for (const name of chain) stage.cast(name, 1, 100)
  const lags = chain.slice(1).map(() => logUniform(random, 1000, 30_000))
  for (const at of occasions(random, whole(random, 7, 9), 600_000, 4_000_000, 150_000)) {
    let start = at
    for (const [i, name] of chain.entries()) {
      if (i > 0) start += delayed(random, lags[i - 1]!)
      stage.faults.push(
        fault(random, name, start, uniform(random, 10_000, 25_000), pick(random, SERVER_TYPES), {
          share: uniform(random, 0.6, 1),
        }),
      )
      if (random.next() < 0.06) break
    }
  }
  const recordings = stage.play()
  const due = stage.seconds * 1000
  const met = chain.slice(1).map((name, i) => struckTogether(recordings, stage.faults, chain[i]!, name, SHOWING_FAILURES))
  const expected: Label[] = [
    { pattern: 'cascade', services: [...chain].sort(), optional: [], root: chain[0]!, from: 600_000, due },
  ]
  const permitted = [
    ...always(stage.faults),
    permit('temporal_correlation', chain, 0),
    { ...permit('cascade', chain, 0), root: chain[0]! },
  ]
  return stage.incident(recordings, { expected: Math.min(...met) >= LEARNED_FROM ? expected : [], permitted, together: [chain] })
}

/** Two services that nobody said have to do with each other fail together, or one steadily after the other. */
function pair(seed: number): Incident {
  const stage = new Stage('pair', seed, 4200)
  const { random } = stage
  const [a, b] = some(random, stage.names, 2) as [string, string]
  // Some pairs share lone failures only: one or two calls at a time, of services that otherwise hardly ever fail.
  const lone = random.next() < 0.25
  for (const name of [a, b]) lone ? stage.cast(name, 1, 20, uniform(random, 0, 0.0005)) : stage.cast(name, 1, 100)
  const lag = random.next() < 0.25 ? uniform(random, 0, 200) : logUniform(random, 500, lone ? 5000 : 60_000)
  const count = lone ? whole(random, 9, 14) : whole(random, 5, 9)
  const lags: number[] = []
  for (const at of occasions(random, count, 600_000, 4_000_000, 100_000)) {
    const later = Math.max(0, delayed(random, lag))
    const type = pick(random, SERVER_TYPES)
    const both = random.next() < 0.9
    if (both) lags.push(later)
    for (const [name, start] of [[a, at], ...(both ? [[b, at + later]] : [])] as [string, number][]) {
      const { rate } = stage.traffic.find((one) => one.name === name)!
      const duration = lone ? Math.min(4000, 2000 / rate) : uniform(random, Math.max(4000, 14_000 / rate), 25_000)
      stage.faults.push(fault(random, name, start, duration, type, { share: lone ? 1 : uniform(random, 0.6, 1) }))
    }
  }
  const recordings = stage.play()
  const met = struckTogether(recordings, stage.faults, a, b, lone ? 1 : SHOWING_FAILURES)
  const due = stage.seconds * 1000
  const directed = lag >= 2000 && { direction: { from: a, to: b } }
  const expected: Label[] =
    met >= (lone ? 6 : LEARNED_FROM)
      ? [{ pattern: 'temporal_correlation', services: [a, b].sort(), optional: [], ...directed, lagMs: lag, from: 600_000, due }]
      : []
  const permitted = [...always(stage.faults), permit('temporal_correlation', [a, b], 0)]
  return stage.incident(recordings, { expected, permitted, together: [[a, b]] })
}

/** One service fails at even intervals of 30 s to 20 min, give or take. */
function recurring(seed: number): Incident {
  const stageRandom = new Stage('recurring', seed, 1, 1).random
  const periodMs = logUniform(stageRandom, 30_000, 1_200_000)
  const count = periodMs > 600_000 ? 7 : whole(stageRandom, 8, 14)
  const stage = new Stage('recurring', seed, Math.ceil((700_000 + periodMs * (count - 0.5)) / 1000), 10)
  const { random } = stage
  const service = pick(random, stage.names)
  stage.cast(service, Math.max(0.5, 90_000 / periodMs), 100)
  const type = pick(random, TYPES)
  const jitter = uniform(random, 0.01, 0.08)
  const { rate } = stage.traffic.find(({ name }) => name === service)!
  for (let i = 0, at = 600_000; i < count; i++) {
    const duration = Math.min(periodMs * 0.3, Math.max(14_000 / rate, uniform(random, 2000, 20_000)))
    if (i < 3 || random.next() < 0.95)
      stage.faults.push(fault(random, service, at, duration, type, { share: uniform(random, 0.6, 1) }))
    at += periodMs * Math.max(0.5, 1 + jitter * normal(random))
  }
  const recordings = stage.play()
  const shown = stage.faults.filter((_, i) => showsAt(recordings, stage.faults, i) !== undefined).length
  const due = stage.seconds * 1000
  const expected: Label[] =
    shown >= 5 && shown >= 0.8 * stage.faults.length
      ? [{ pattern: 'recurring', services: [service], optional: [], periodMs, from: 600_000, due }]
      : []
  return stage.incident(recordings, {
    expected,
    permitted: [...always(stage.faults), permit('recurring', [service], 0)],
    together: [],
  })
}

/** The network between us and several services goes away, whether they depend on each other or not. */
function network(seed: number): Incident {
  const stage = new Stage('network', seed, 2400)
  const { random } = stage
  stage.connect(0.7)
  const struck = some(random, stage.names, whole(random, 3, 8))
  const type = pick(random, ['timeout', 'unknown_error', 'service_unavailable'] as const)
  const from = uniform(random, 1_200_000, 1_900_000)
  const duration = logUniform(random, 10_000, 180_000)
  for (const name of struck) {
    stage.cast(name, 0.1, 100)
    stage.faults.push({
      ...fault(random, name, from + uniform(random, 0, 2000), duration, type, { share: uniform(random, 0.9, 1) }),
      purity: uniform(random, 0.85, 1),
    })
  }
  return oneOff(stage, (shown, hidden) =>
    shown.size >= 3
      ? [{ ...label('common_cause', [...shown.keys()], hidden, from, Math.max(...shown.values())), failureType: type }]
      : [],
  )
}

/** A credential that several services share is no longer accepted. */
function credential(seed: number): Incident {
  const stage = new Stage('credential', seed, 2400)
  const { random } = stage
  stage.connect(0.7)
  const struck = some(random, stage.names, whole(random, 2, 5))
  const from = uniform(random, 1_200_000, 1_900_000)
  const duration = logUniform(random, 60_000, 400_000)
  for (const name of struck) {
    stage.cast(name, 0.1, 100)
    stage.faults.push({
      ...fault(random, name, from + uniform(random, 0, 1000), duration, 'authentication', { share: 1 }),
      purity: 1,
    })
  }
  return oneOff(stage, (shown, hidden) =>
    shown.size >= 2
      ? [
          {
            ...label('common_cause', [...shown.keys()], hidden, from, Math.max(...shown.values())),
            failureType: 'authentication' as const,
          },
        ]
      : [],
  )
}

/** Several services that do not depend on each other fail within a minute, each in its own way. */
function systemWide(seed: number): Incident {
  const stage = new Stage('system-wide', seed, 2400)
  const { random } = stage
  const struck = some(random, stage.names, whole(random, 3, 6))
  const types = some(random, TYPES, struck.length)
  const from = uniform(random, 1_200_000, 1_900_000)
  const duration = logUniform(random, 60_000, 200_000)
  for (const [i, name] of struck.entries()) {
    stage.cast(name, 0.3, 100)
    const start = from + uniform(random, 0, 40_000)
    stage.faults.push({ ...fault(random, name, start, duration, types[i]!, { share: uniform(random, 0.4, 1) }), purity: 0.9 })
  }
  return oneOff(stage, () => [])
}

/** Every kind, by what it is about. */
export const INCIDENT_KINDS = [burst, cascade, learnedCascade, pair, recurring, network, credential, systemWide] as const

/** An incident that happens once; system-wide if it strikes three services or more at the same time. */
function oneOff(stage: Stage, expect: (shown: Map<string, number>, hidden: string[]) => Label[]): Incident {
  const recordings = stage.play()
  const { shown, hidden } = showing(recordings, stage.faults)
  const expected = expect(shown, hidden)
  const wide = widest(recordings, stage.faults)
  const struck = stage.faults.map(({ service }) => service)
  if (wide.services.length >= 3) {
    const optional = struck.filter((service) => !wide.services.includes(service))
    expected.push(
      label('system_wide', wide.services.sort(), optional, Math.min(...stage.faults.map(({ from }) => from)), wide.at),
    )
  }
  const permitted = [
    ...always(stage.faults),
    ...expected.map((one) => ({ ...permit(one.pattern, struck, one.from), ...(one.root && { root: one.root }) })),
  ]
  return stage.incident(recordings, { expected, permitted, together: [[...struck]] })
}

/** True whenever services fail: each of them bursts, three of them are many, and three that began alike at once look like one cause. */
function always(faults: readonly Fault[]): Permission[] {
  const struck = [...new Set(faults.map(({ service }) => service))]
  const from = Math.min(...faults.map((one) => one.from))
  const alike = faults.flatMap((one) => {
    const group = faults.filter((other) => other.type === one.type && other.from >= one.from && other.from <= one.from + ALIKE_MS)
    return group.length >= 3
      ? [
          permit(
            'common_cause',
            group.map(({ service }) => service),
            one.from,
          ),
        ]
      : []
  })
  const bursts = struck.map((service) => permit('burst', [service], from))
  return [...bursts, ...alike, ...(struck.length >= 3 ? [permit('system_wide', struck, from)] : [])]
}

function fault(
  random: Random,
  service: string,
  from: number,
  duration: number,
  type: FailureType,
  { share, times = 1 }: { readonly share: number; readonly times?: number },
): Fault {
  return { service, from, to: from + duration, share, type, purity: uniform(random, 0.7, 1), times }
}

function label(
  pattern: Label['pattern'],
  services: readonly string[],
  optional: readonly string[],
  from: number,
  shown: number,
): Label {
  return { pattern, services: [...services].sort(), optional, from, due: shown + IN_TIME_MS }
}

function permit(pattern: Label['pattern'], services: readonly string[], from: number): Permission {
  return { pattern, services, from }
}

/** A lag with its random delay: a tenth of it, and 150 ms. */
function delayed(random: Random, lag: number): number {
  return Math.max(0, lag * (1 + 0.1 * normal(random)) + 150 * normal(random))
}

/** Moments between two, at random, each at least `apart` from the one before it; fewer than `count` if they do not fit. */
function occasions(random: Random, count: number, from: number, to: number, apart: number): number[] {
  const spare = Math.max(0, to - from - count * apart)
  const cuts = Array.from({ length: count }, () => random.next() * spare).sort((a, b) => a - b)
  return cuts.map((cut, i) => from + cut + i * apart).filter((at) => at < to - apart)
}

/** On how many occasions the faults of both showed: the n-th fault of `b` after the one of `a` before it. */
function struckTogether(
  recordings: readonly Recording[],
  faults: readonly Fault[],
  a: string,
  b: string,
  failures: number,
): number {
  return faults.filter((one, i) => {
    if (one.service !== b || faults[i - 1]?.service !== a) return false
    return showsAt(recordings, faults, i, failures) !== undefined && showsAt(recordings, faults, i - 1, failures) !== undefined
  }).length
}
