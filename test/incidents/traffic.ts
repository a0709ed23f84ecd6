// Made-up traffic: calls of services of very different rates, their ordinary failures, and the faults that befall them.
import type { FailureType } from '../../src/model/failures.ts'
import type { Random } from '../../src/model/random.ts'
import { binomial, logUniform, normal, pick, poisson, uniform, whole } from './sampling.ts'

/** Where made-up time begins, epoch ms. */
export const EPOCH = 1_790_000_000_000

/** How the ordinary failures of a service come: independently, at a rate that wanders, or in clumps of retries. */
export type Noise = 'steady' | 'patchy' | 'clumpy'

export interface ServiceTraffic {
  readonly name: string
  /** Calls a second, on average. */
  readonly rate: number
  /** The share of calls that ordinarily fails. */
  readonly failureRate: number
  readonly noise: Noise
  /** How the rate moves with the time of day: relative amplitude, period in seconds, phase 0–1. */
  readonly drift: { readonly amplitude: number; readonly period: number; readonly phase: number }
  /** Seconds in which calls come at a multiple of their rate (0: none come). */
  readonly spells: readonly { readonly from: number; readonly to: number; readonly times: number }[]
}

/** A stretch in which calls of a service fail for a reason. Times in ms from the beginning. */
export interface Fault {
  readonly service: string
  readonly from: number
  readonly to: number
  /** The share of calls that fails. */
  readonly share: number
  readonly type: FailureType
  /** How many of its failures are of that type; the others are unknown errors. */
  readonly purity: number
  /** Failed calls are tried again: calls come at this multiple of their rate. */
  readonly times: number
}

export interface FailedCall {
  /** ms from the beginning. */
  readonly at: number
  readonly type: FailureType
  /** The place of the fault it is owed to, in the list of faults. */
  readonly fault?: number
}

/** What came of the traffic of one service. */
export interface Recording {
  readonly service: string
  /** For each second. */
  readonly successes: Uint32Array
  /** In order. */
  readonly failures: readonly FailedCall[]
}

const ORDINARY_TYPES: readonly FailureType[] = ['timeout', 'http_error', 'service_unavailable', 'unknown_error']

export function ordinaryService(
  random: Random,
  name: string,
  seconds: number,
  rate = logUniform(random, 0.01, 100),
): ServiceTraffic {
  const spells: { from: number; to: number; times: number }[] = []
  if (random.next() < 0.15) {
    const from = uniform(random, 0, seconds)
    spells.push({ from, to: from + uniform(random, 60, 400), times: random.next() < 0.3 ? 0 : uniform(random, 2, 10) })
  }
  return {
    name,
    rate,
    failureRate: random.next() < 0.3 ? uniform(random, 0, 0.002) : uniform(random, 0, 0.05),
    noise: pick(random, ['steady', 'steady', 'patchy', 'clumpy'] as const),
    drift: { amplitude: uniform(random, 0, 0.6), period: logUniform(random, 3600, 86_400), phase: random.next() },
    spells,
  }
}

export function record(random: Random, traffic: ServiceTraffic, faults: readonly Fault[], seconds: number): Recording {
  const successes = new Uint32Array(seconds)
  const failures: FailedCall[] = []
  const types = [pick(random, ORDINARY_TYPES), pick(random, ORDINARY_TYPES)]
  const own = faults.flatMap((fault, index) => (fault.service === traffic.name ? [{ fault, index }] : []))
  let [patch, patchEnds] = [1, 0]
  for (let second = 0; second < seconds; second++) {
    if (second >= patchEnds) {
      // The square of a normal, on average 1, seldom above 3: at worst 15 in 100 calls fail.
      patch = Math.min(3, normal(random) ** 2)
      patchEnds = second + whole(random, 20, 120)
    }
    const rate = rateAt(traffic, second)
    const active = own.filter(({ fault }) => fault.from < second * 1000 + 1000 && fault.to > second * 1000)
    const failureRate = traffic.failureRate * (traffic.noise === 'patchy' ? patch : traffic.noise === 'clumpy' ? 0.4 : 1)
    if (active.length === 0) {
      const calls = poisson(random, rate)
      const failed = binomial(random, calls, failureRate)
      successes[second]! += calls - failed
      for (let i = 0; i < failed; i++) fail(random, traffic, failures, second * 1000 + random.next() * 1000, types)
    } else {
      const times = Math.max(...active.map(({ fault }) => fault.times))
      const calls = poisson(random, rate * times)
      for (let i = 0; i < calls; i++) {
        const at = second * 1000 + random.next() * 1000
        const struck = active.find(({ fault }) => at >= fault.from && at < fault.to)
        if (struck && random.next() < struck.fault.share) {
          const type = random.next() < struck.fault.purity ? struck.fault.type : 'unknown_error'
          failures.push({ at, type, fault: struck.index })
        } else if (random.next() < failureRate) fail(random, traffic, failures, at, types)
        else successes[second]!++
      }
    }
  }
  failures.sort((a, b) => a.at - b.at)
  return { service: traffic.name, successes, failures: failures.filter(({ at }) => at < seconds * 1000) }
}

function rateAt({ rate, drift, spells }: ServiceTraffic, second: number): number {
  const spell = spells.find(({ from, to }) => second >= from && second < to)
  return rate * (1 + drift.amplitude * Math.sin(2 * Math.PI * (second / drift.period + drift.phase))) * (spell?.times ?? 1)
}

/** An ordinary failure; of a clumpy service, with the one to four retries that fail too. */
function fail(
  random: Random,
  { noise }: ServiceTraffic,
  failures: FailedCall[],
  at: number,
  types: readonly FailureType[],
): void {
  const type = pick(random, types)
  failures.push({ at, type })
  if (noise !== 'clumpy') return
  const retries = whole(random, 1, 2)
  for (let i = 1, later = at; i <= retries; i++) {
    later += uniform(random, 100, 1500)
    failures.push({ at: later, type })
  }
}
