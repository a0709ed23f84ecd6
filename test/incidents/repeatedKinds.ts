// Incidents that have to repeat to be seen: a cascade nobody told of, a pair, a rhythm.
import { type Incident, Stage } from './incident.ts'
import { type Label, SHOWING_FAILURES, showsAt } from './labels.ts'
import { always, delayed, fault, occasions, permit, SERVER_TYPES, struckTogether, TYPES } from './parts.ts'
import { logUniform, normal, pick, some, uniform, whole } from './sampling.ts'

/** What is to be learned must have shown on so many occasions: of each pair that follows each other. */
const LEARNED_FROM = 5

/** Three or four services that nobody said depend on each other fail one after the other, again and again. */
export function learnedCascade(seed: number): Incident {
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
export function pair(seed: number): Incident {
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
export function recurring(seed: number): Incident {
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
