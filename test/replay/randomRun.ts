// Random runs of a board with several services, as data: what is drawn can be printed, shrunk and run again. Used by the tests
// which say that whatever happened, its journal replays.
import fc from 'fast-check'
import type { Journal } from '../../src/bus/journal.ts'
import { MemoryBus } from '../../src/bus/memoryBus.ts'
import type { Command, PolicyInput, Service, Signal } from '../../src/index.ts'
import { CallRejectedError, CallTimeoutError, ConfigError, createSwitchgear } from '../../src/index.ts'
import type { DirectiveInput } from '../../src/model/signals.ts'
import type { SwitchgearOptions } from '../../src/switchgear.ts'
import { VirtualClock } from '../../src/testing/index.ts'

const SERVICES = {
  search: {
    kind: 'http',
    recoveryTimeout: 2_000,
    window: { type: 'time', seconds: 10 },
    trip: {
      failureRate: { threshold: 0.5, minimumCalls: 6 },
      slowCallRate: { threshold: 0.6, slowerThanMs: 400, minimumCalls: 5 },
    },
    probeTimeout: 1_500,
    halfOpenTimeout: 4_000,
    rampDuration: 3_000,
    recoverAfter: 2_500,
    rateLimitCooldown: 3_000,
    maxKeys: 2,
  },
  model: {
    kind: 'custom',
    window: { type: 'count', size: 8 },
    trip: { consecutiveFailures: 3 },
    degrade: { consecutiveFailures: 2, p95Ratio: 1.5 },
    degradeBeforeOpen: true,
    maxProbes: 4,
    successesToClose: 3,
    levels: [{}, { admit: 'fallback-only' }, {}],
    permitTimeout: 2_000,
    stableAfter: 5_000,
    maxKeys: 1,
  },
  // As it is by default: adaptive, streaks weighed, stalled calls looked for, patient probes.
  steady: { kind: 'cache' },
} as const

type Name = keyof typeof SERVICES
/** A service, or a key of one. */
type Target = readonly [Name, string | undefined]
type Ending = 'well' | 'busy' | 'broken' | 'limited' | 'limited for 2 s' | 'forbidden' | 'timed out' | 'not found' | 'given up'

export type Step =
  | { readonly do: 'call'; readonly on: Target; readonly times: number; readonly takes: number; readonly ends: Ending }
  | { readonly do: 'begin'; readonly on: Target }
  | { readonly do: 'pile up'; readonly on: Target; readonly times: number; readonly every: number }
  | { readonly do: 'end'; readonly which: number; readonly ends: Ending }
  | { readonly do: 'hang'; readonly on: Target; readonly timeout: number }
  | { readonly do: 'plead'; readonly on: Target; readonly as: 'override' | 'probe'; readonly ends: Ending }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'look'; readonly on: Target }
  | { readonly do: 'signal'; readonly on: Target; readonly signal: (now: number) => Signal }
  | { readonly do: 'direct'; readonly on: Target; readonly directive: (now: number) => DirectiveInput }
  | { readonly do: 'command'; readonly on: Target; readonly command: (now: number) => Command }
  | { readonly do: 'reconfigure'; readonly on: Name; readonly change: PolicyInput }

const name = fc.constantFrom<Name>('search', 'search', 'model', 'model', 'steady', 'steady')
const target: fc.Arbitrary<Target> = fc.tuple(name, fc.constantFrom(undefined, undefined, undefined, 'a', 'b/ü', 'c'))
const ending = fc.constantFrom<Ending>(
  'well',
  'well',
  'well',
  'busy',
  'busy',
  'broken',
  'limited',
  'limited for 2 s',
  'forbidden',
  'timed out',
  'not found',
  'given up',
)
const who = { by: 'anna', why: 'a drill' }
const ahead = fc.option(fc.integer({ min: 1, max: 9_000 }), { nil: undefined })
const level = fc.constantFrom<0 | 1 | 2 | 3>(0, 1, 2, 3)

/** A function of the present that prints as what it makes. */
function fromNow<T>(make: (now: number) => T): (now: number) => T {
  return Object.assign((now: number) => make(now), { [fc.toStringMethod]: () => JSON.stringify(make(0)) })
}

const signal: fc.Arbitrary<(now: number) => Signal> = fc.oneof(
  fc
    .record({
      mode: fc.constantFrom('paced' as const, 'exhausted' as const),
      ms: ahead,
      perSecond: fc.option(fc.constantFrom(0, 0.7, 3, 20), { nil: undefined }),
    })
    .map(({ mode, ms, perSecond }) =>
      fromNow(
        (now): Signal => ({
          kind: 'limit',
          mode,
          ...(ms === undefined ? {} : { until: now + ms + 0.25 }),
          ...(perSecond === undefined ? {} : { perSecond }),
        }),
      ),
    ),
  fc
    .record({
      mode: fc.constantFrom('throttled' as const, 'throttled' as const, 'blocked' as const),
      ms: ahead,
      share: fc.constantFrom(0, 0.1, 0.5, 1),
      allow: fc.boolean(),
    })
    .map(({ mode, ms, share, allow }) =>
      fromNow(
        (now): Signal => ({
          kind: 'budget',
          mode,
          share,
          rule: 'daily',
          allowEmergencyOverride: allow,
          ...(ms === undefined ? {} : { until: now + ms }),
        }),
      ),
    ),
  level.map((to) => fromNow((): Signal => ({ kind: 'health', level: to, reason: 'quality' }))),
  fc.integer({ min: 1, max: 15 }).map((calls) => fromNow((): Signal => ({ kind: 'stalled', calls }))),
  fc
    .constantFrom('quorum' as const, 'failure_rate' as const)
    .map((why) => fromNow((): Signal => ({ kind: 'fleetTrip', id: why, why, nodes: 3, open: 2, calls: 40, failures: 20 }))),
  fc.constantFrom(
    fromNow((): Signal => ({ kind: 'limitCleared' })),
    fromNow((): Signal => ({ kind: 'budgetCleared' })),
  ),
)
const directive: fc.Arbitrary<(now: number) => DirectiveInput> = fc
  .record({
    epoch: fc.integer({ min: 0, max: 5 }),
    level,
    admissionRatio: fc.constantFrom(1, 1, 0.3, 0),
    hold: fc.boolean(),
    ms: fc.integer({ min: 1, max: 6_000 }),
  })
  .map(({ ms, ...rest }) => fromNow((now) => ({ ...rest, expiresAt: now + ms, rule: 'cascade', reason: 'its database is down' })))
const command: fc.Arbitrary<(now: number) => Command> = fc.oneof(
  fc
    .constantFrom(
      'trip' as const,
      'reset' as const,
      'reset' as const,
      'disable' as const,
      'enable' as const,
      'enable' as const,
      'endMaintenance' as const,
    )
    .map((named) => fromNow((): Command => ({ name: named, ...who }))),
  ahead.map((ms) =>
    fromNow((now): Command => ({ name: 'beginMaintenance', ...who, ...(ms === undefined ? {} : { until: now + ms }) })),
  ),
)
const change = fc.constantFrom<PolicyInput>(
  { trip: { consecutiveFailures: 2 } },
  { window: { type: 'count', size: 5 } },
  { window: { type: 'time', seconds: 3 } },
  { rampDuration: 0 },
  { maxProbes: 6, successesToClose: 1 },
  { recoveryTimeout: 700, probeTimeout: 300, halfOpenTimeout: 900 },
  { levels: [{ admit: 'fallback-only' }, {}, {}] },
  { degrade: false },
  { adaptiveRecovery: true, probePatience: 2 },
  { adaptiveRecovery: false, trip: { streakSignificance: 0.01 } },
  { trip: { stalledCalls: false } },
)

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      do: fc.constant('call' as const),
      on: target,
      times: fc.constantFrom(1, 1, 2, 5, 30),
      takes: fc.constantFrom(0, 0.4, 12.345678, 90, 600),
      ends: ending,
    }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('begin' as const), on: target }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('pile up' as const),
      on: target,
      times: fc.integer({ min: 5, max: 20 }),
      every: fc.constantFrom(20, 110.25, 700),
    }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('end' as const), which: fc.nat({ max: 7 }), ends: ending }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('hang' as const), on: target, timeout: fc.constantFrom(1, 350.5, 2_000) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('plead' as const),
      on: target,
      as: fc.constantFrom('override' as const, 'probe' as const),
      ends: ending,
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('wait' as const),
      ms: fc.constantFrom(0.3, 1, 40, 300, 1_000, 2_500.75, 8_000, 45_000, 400_000),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('look' as const), on: target }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('signal' as const), on: target, signal }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('direct' as const), on: target, directive }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('command' as const), on: target, command }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reconfigure' as const), on: name, change }) },
)

/** A run: a seed for the board, whether listeners meddle, and what happens. */
export const randomRun = fc.record({
  seed: fc.integer(),
  meddling: fc.boolean(),
  steps: fc.array(step, { maxLength: 120, size: 'max' }),
})
export type RandomRun = typeof randomRun extends fc.Arbitrary<infer Run> ? Run : never

export type RunOptions = Pick<SwitchgearOptions<Record<string, never>>, 'seed' | 'clock'> & {
  readonly journal: Journal | { file: string; maxBytes?: number; keep?: number; flushMs?: number }
}

/** Runs it, journalling; returns when the board is closed. With `flushEvery`, what was journalled is written after so many steps. */
export async function perform(
  run: RandomRun,
  journal: RunOptions['journal'],
  clock = new VirtualClock(),
  flushEvery = 0,
): Promise<void> {
  const bus = new MemoryBus()
  const gear = await createSwitchgear({ services: SERVICES, journal, seed: run.seed, clock, bus })
  const find = ([service, key]: Target): Service => (key === undefined ? gear.services[service] : gear.services[service].for(key))
  let meddlings = 0
  if (run.meddling) {
    bus.subscribe('transition', (event) => {
      if (event.type !== 'transition' || meddlings >= 12) return
      meddlings++
      if (event.to === 'open.cooling') gear.command('model', { name: meddlings % 3 === 0 ? 'trip' : 'reset', ...who })
      if (event.to === 'halfOpen') gear.signal('search', { kind: 'health', level: 1, reason: 'another one probes' })
      if (event.to === 'closed.watching') gear.services.search.for(`after ${meddlings}`).command({ name: 'trip', ...who })
    })
  }
  const open: { end(how: Ending): void }[] = []
  const settled: Promise<unknown>[] = []
  const admitted = (on: Target): { end(how: Ending): void } | undefined => {
    try {
      const permit = find(on).admit()
      return {
        end(how) {
          if (how === 'well') permit.succeed()
          else if (how === 'given up') permit.ignore()
          else permit.fail(errorFor(how, permit.service))
        },
      }
    } catch (error) {
      if (error instanceof CallRejectedError) return undefined
      throw error
    }
  }
  for (const [i, step] of run.steps.entries()) {
    const now = Math.floor(clock.now())
    switch (step.do) {
      case 'call':
        for (let n = 0; n < step.times; n++) {
          const call = admitted(step.on)
          if (step.takes > 0) clock.advance(step.takes)
          call?.end(step.ends)
        }
        break
      case 'begin': {
        const call = admitted(step.on)
        if (call) open.push(call)
        break
      }
      case 'pile up':
        admitted(step.on)?.end('busy')
        for (let n = 0; n < step.times; n++) {
          const call = admitted(step.on)
          if (call) open.push(call)
          clock.advance(step.every)
        }
        break
      case 'end':
        open.splice(step.which, 1)[0]?.end(step.ends)
        break
      case 'hang':
        settled.push(
          find(step.on).execute(() => new Promise<never>(() => undefined), { timeout: step.timeout, fallback: () => undefined }),
        )
        break
      case 'plead': {
        const options = step.as === 'probe' ? { healthProbe: true } : { emergencyOverride: who }
        const run = (): string => {
          if (step.ends !== 'well') throw errorFor(step.ends, 'it')
          return 'well'
        }
        settled.push(
          find(step.on)
            .execute(run, options)
            .catch(() => undefined),
        )
        break
      }
      case 'wait':
        clock.advance(step.ms)
        break
      case 'look': {
        const service = find(step.on)
        service.peek()
        // Reading must not change what is read.
        void [service.stats, service.until, service.reason]
        break
      }
      case 'signal':
        find(step.on).signal(step.signal(now))
        break
      case 'direct':
        find(step.on).direct(step.directive(now))
        break
      case 'command':
        find(step.on).command(step.command(now))
        break
      case 'reconfigure':
        try {
          gear.reconfigure(step.on, step.change)
        } catch (error) {
          // A change that contradicts an earlier one is refused as a whole.
          if (!(error instanceof ConfigError)) throw error
        }
    }
    if (flushEvery > 0 && i % flushEvery === flushEvery - 1) await gear.flush()
  }
  const closing = gear.close()
  for (const call of open) call.end('broken')
  await closing
}

function errorFor(how: Exclude<Ending, 'well'>, service: string): Error {
  const httpError = (status: number, headers: Record<string, string> = {}): Error =>
    Object.assign(new Error(`status ${status}`), { status, headers })
  switch (how) {
    case 'busy':
      return httpError(503)
    case 'broken':
      return httpError(500)
    case 'limited':
      return httpError(429)
    case 'limited for 2 s':
      return httpError(429, { 'retry-after': '2' })
    case 'forbidden':
      return httpError(401)
    case 'timed out':
      return new CallTimeoutError(service, 100)
    case 'not found':
      return httpError(404)
    case 'given up':
      return new DOMException('given up', 'AbortError')
  }
}
