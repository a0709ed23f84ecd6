// What the kinds of incident are told with: faults, labels, and moments for them.
import type { FailureType } from '../../src/model/failures.ts'
import type { Random } from '../../src/model/random.ts'
import { type Incident, type Stage, showing, widest } from './incident.ts'
import { AFTERMATH_MS, IN_TIME_MS, type Label, type Permission, showsAt } from './labels.ts'
import { normal, uniform } from './sampling.ts'
import type { Fault, Recording } from './traffic.ts'

export const TYPES: readonly FailureType[] = [
  'timeout',
  'http_error',
  'service_unavailable',
  'unknown_error',
  'rate_limit',
  'memory_error',
]
export const SERVER_TYPES: readonly FailureType[] = ['timeout', 'http_error', 'service_unavailable']

/** Faults of one type that begin within this, ms, may be taken for one, though they followed each other. */
const ALIKE_MS = 6000

/** An incident that happens once; system-wide if it strikes three services or more at the same time. */
export function oneOff(stage: Stage, expect: (shown: Map<string, number>, hidden: string[]) => Label[]): Incident {
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
    ...expected.map((one) => ({
      ...permit(one.pattern, struck, one.from, over(stage.faults)),
      ...(one.root && { root: one.root }),
    })),
  ]
  return stage.incident(recordings, { expected, permitted, together: [[...struck]] })
}

/** True whenever services fail: each of them bursts, three of them are many, and three that began alike at once look like one cause. */
export function always(faults: readonly Fault[]): Permission[] {
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
            over(group),
          ),
        ]
      : []
  })
  const bursts = faults.map((one) => permit('burst', [one.service], one.from, over([one])))
  return [...bursts, ...alike, ...(struck.length >= 3 ? [permit('system_wide', struck, from, over(faults))] : [])]
}

/** When nothing is true of the faults any more. */
function over(faults: readonly Fault[]): number {
  return Math.max(...faults.map(({ to }) => to)) + AFTERMATH_MS
}

export function fault(
  random: Random,
  service: string,
  from: number,
  duration: number,
  type: FailureType,
  { share, times = 1 }: { readonly share: number; readonly times?: number },
): Fault {
  return { service, from, to: from + duration, share, type, purity: uniform(random, 0.7, 1), times }
}

export function label(
  pattern: Label['pattern'],
  services: readonly string[],
  optional: readonly string[],
  from: number,
  shown: number,
): Label {
  return { pattern, services: [...services].sort(), optional, from, due: shown + IN_TIME_MS }
}

/** Without `to` it is true to the end. */
export function permit(pattern: Label['pattern'], services: readonly string[], from: number, to?: number): Permission {
  return { pattern, services, from, ...(to === undefined ? undefined : { to }) }
}

/** A lag with its random delay: a tenth of it, and 150 ms. */
export function delayed(random: Random, lag: number): number {
  return Math.max(0, lag * (1 + 0.1 * normal(random)) + 150 * normal(random))
}

/** Moments between two, at random, each at least `apart` from the one before it; fewer than `count` if they do not fit. */
export function occasions(random: Random, count: number, from: number, to: number, apart: number): number[] {
  const spare = Math.max(0, to - from - count * apart)
  const cuts = Array.from({ length: count }, () => random.next() * spare).sort((a, b) => a - b)
  return cuts.map((cut, i) => from + cut + i * apart).filter((at) => at < to - apart)
}

/** On how many occasions the faults of both showed: the n-th fault of `b` after the one of `a` before it. */
export function struckTogether(
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
