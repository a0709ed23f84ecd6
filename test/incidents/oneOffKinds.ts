// Incidents that happen once: a burst, a cascade along the graph, and what strikes several services at the same time.
import { type Incident, Stage } from './incident.ts'
import { showsAt } from './labels.ts'
import { always, fault, label, oneOff, SERVER_TYPES, TYPES } from './parts.ts'
import { logUniform, pick, some, uniform, whole } from './sampling.ts'

export function burst(seed: number): Incident {
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
  return stage.incident(recordings, { expected, permitted: always(stage.faults), together: [] })
}

/** A service fails, and those that depend on it after it, as far as it gets through. */
export function cascade(seed: number): Incident {
  const stage = new Stage('cascade along the graph', seed, 2700)
  const { random } = stage
  stage.connect(1.3)
  const dependents = (name: string) => stage.names.filter((other) => stage.graph[other]?.dependsOn.includes(name))
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

/** The network between us and several services goes away, whether they depend on each other or not. */
export function network(seed: number): Incident {
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
export function credential(seed: number): Incident {
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
export function systemWide(seed: number): Incident {
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
