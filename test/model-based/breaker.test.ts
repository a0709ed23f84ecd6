// The breaker against its model: thousands of random happenings (calls, failures, aborts, timeouts, late results, operators,
// limits, budgets, time, restarts, kills), after each of which both must stand in the same place. What fails shrinks to a script.
// FC_SEED=… repeats a run.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { PolicyInput } from '../../src/index.ts'
import { BreakerModel, type ModelPolicy } from './breakerModel.ts'
import { happenings, RealBoard } from './commands.ts'

const seed = Number(process.env.FC_SEED ?? Math.floor(Math.random() * 2 ** 31))

/** Runs of each configuration, and the happenings they must come to in all. */
const RUNS = 90
const LEAST_HAPPENINGS = 10_000

const BASIC: ModelPolicy = {
  window: { type: 'time', seconds: 10 },
  failuresInARow: 4,
  timeoutsInARow: 3,
  failureRate: { threshold: 0.5, minimumCalls: 6 },
  slowRate: { threshold: 0.6, minimumCalls: 5, slowerThanMs: 1_000 },
  degrade: undefined,
  recoveryTimeout: 2_000,
  maxRecoveryTimeout: 20_000,
  maxProbes: 3,
  successesToClose: 2,
  probeTimeout: 1_000,
  halfOpenTimeout: 5_000,
  rampDuration: 0,
  rampInitialShare: 0.25,
  stableAfter: 10_000,
  recoverAfter: 3_000,
  rateLimitCooldown: 2_000,
}

const CONFIGURATIONS: Readonly<Record<string, ModelPolicy>> = {
  'a time window, closing at once': BASIC,
  'a count window, ramping, degrading first': {
    ...BASIC,
    window: { type: 'count', size: 8 },
    degrade: { failuresInARow: 2, threshold: 0.25, minimumCalls: 4 },
    rampDuration: 3_000,
  },
  'a long recovery, one probe': {
    ...BASIC,
    window: { type: 'time', seconds: 3 },
    failuresInARow: 2,
    recoveryTimeout: 8_000,
    maxProbes: 1,
    successesToClose: 1,
    probeTimeout: 4_000,
    degrade: { failuresInARow: 1, threshold: 0.5, minimumCalls: 2 },
  },
  'rates only, ramping': {
    ...BASIC,
    failuresInARow: 50,
    timeoutsInARow: 50,
    rampDuration: 2_000,
    maxProbes: 5,
    successesToClose: 3,
  },
}

let directory = ''
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'switchgear-model-'))
})
afterAll(() => rm(directory, { recursive: true, force: true }))

describe(`the breaker and its model (seed ${seed})`, () => {
  let happened = 0

  it.each(Object.entries(CONFIGURATIONS))(
    'stand in the same place whatever happens: %s',
    async (_name, policy) => {
      const scripts = fc.commands(
        happenings(() => happened++),
        { maxCommands: 90, size: 'max' },
      )
      await fc.assert(
        fc.asyncProperty(scripts, async (script) => {
          const real = new RealBoard(await mkdtemp(join(directory, 'run-')), inputOf(policy))
          await real.start()
          const model = new BreakerModel(policy, real.clock.now())
          try {
            await fc.asyncModelRun(() => ({ model, real }), script)
          } finally {
            await real.stop()
          }
        }),
        { seed, numRuns: RUNS },
      )
    },
    60_000,
  )

  it(`went through at least ${LEAST_HAPPENINGS} happenings`, () => {
    console.log(`model-based: ${happened} happenings, seed ${seed}`)
    expect(happened).toBeGreaterThanOrEqual(LEAST_HAPPENINGS)
  })
})

/** The same policy in the words of a configuration. */
function inputOf(policy: ModelPolicy): PolicyInput {
  const { window, failuresInARow, timeoutsInARow, failureRate, slowRate, degrade, ...durations } = policy
  return {
    ...durations,
    window,
    trip: {
      consecutiveFailures: failuresInARow,
      consecutiveTimeouts: timeoutsInARow,
      failureRate,
      slowCallRate: slowRate,
      streakSignificance: false,
      stalledCalls: false,
    },
    degrade: degrade
      ? {
          consecutiveFailures: degrade.failuresInARow,
          failureRate: { threshold: degrade.threshold, minimumCalls: degrade.minimumCalls },
          p95Ratio: false,
        }
      : false,
    recoveryJitter: { from: 1, to: 1 },
    adaptiveRecovery: false,
  }
}
