// The measurements: nanoseconds a call in each situation, bytes a breaker and a call in flight, outcomes replayed a second.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { measure } from 'mitata'
import { createSwitchgear, replayJournal } from 'switchgear'
import { VirtualClock } from 'switchgear/testing'
import type { HotContender, Work } from './contenders.ts'

/** Calls within one timed iteration, so that the timing itself does not count. */
const BATCH = 100
const IN_FLIGHT = 10_000
/** Every contender is timed this often, in turns; the least median stands. */
const ROUNDS = 5

const works: Work = async () => 1
const breaks: Work = async () => {
  throw new Error('broken')
}

export type Situation = 'success' | 'failure' | 'rejection' | '10,000 in flight'
export const SITUATIONS: readonly Situation[] = ['success', 'failure', 'rejection', '10,000 in flight']

/** ns a call for each contender; a contender that cannot be in the situation is left out. */
export async function timeAll(situation: Situation, contenders: readonly HotContender[]): Promise<Map<string, number>> {
  const least = new Map<string, number>()
  for (let round = 0; round < ROUNDS; round++) {
    for (const contender of contenders) {
      const trial = trialOf(situation, contender)
      if (!trial) continue
      // Without its own batches of 4096 iterations: an iteration is a batch already.
      const { p50 } = await measure(trial.run, { min_cpu_time: 120e6, batch_threshold: 0 })
      least.set(contender.name, Math.min(least.get(contender.name) ?? Number.POSITIVE_INFINITY, p50 / trial.calls))
    }
  }
  return least
}

function trialOf(situation: Situation, { call, refused }: HotContender): { run: () => Promise<void>; calls: number } | undefined {
  switch (situation) {
    case 'success':
      return { calls: BATCH, run: () => inTurn(() => call(works)) }
    case 'failure':
      // Every other call fails, so that no breaker sees a reason to trip; what a failure costs is the mean of the two.
      return { calls: BATCH, run: () => inTurn((i) => call(i % 2 === 0 ? works : breaks)) }
    case 'rejection':
      return refused && { calls: BATCH, run: () => inTurn(() => refused(works)) }
    case '10,000 in flight':
      return { calls: IN_FLIGHT, run: () => inFlight(call) }
  }
}

async function inTurn(call: (i: number) => Promise<number>): Promise<void> {
  for (let i = 0; i < BATCH; i++) {
    try {
      await call(i)
    } catch {
      // A failure or a refusal, as wanted.
    }
  }
}

async function inFlight(call: HotContender['call'], onAll?: () => void): Promise<void> {
  const ends: (() => void)[] = []
  const work: Work = () => new Promise((resolve) => ends.push(() => resolve(1)))
  const calls = Array.from({ length: IN_FLIGHT }, () => call(work))
  onAll?.()
  for (const end of ends) end()
  await Promise.all(calls)
}

/** Heap bytes that one call in flight holds on to, the caller's own promises included. */
export async function bytesInFlight({ call }: HotContender): Promise<number> {
  await inFlight(call)
  const before = heapUsed()
  let held = 0
  await inFlight(call, () => {
    held = heapUsed() - before
  })
  return held / IN_FLIGHT
}

/** Heap bytes of one more breaker. */
export async function bytesPerBreaker(grow: NonNullable<HotContender['grow']>): Promise<number> {
  const kept = [await grow(10)]
  const before = heapUsed()
  kept.push(await grow(1000))
  const bytes = (heapUsed() - before) / 1000
  kept.length = 0
  return bytes
}

function heapUsed(): number {
  if (!globalThis.gc) throw new Error('run with --expose-gc')
  globalThis.gc()
  globalThis.gc()
  return process.memoryUsage().heapUsed
}

/** Outcomes a second that a journal of `outcomes` calls is replayed at, read from its file. */
export async function replayRate(outcomes = 500_000): Promise<{ perSecond: number; differences: number }> {
  const folder = mkdtempSync(join(tmpdir(), 'switchgear-bench-'))
  try {
    const file = join(folder, 'journal.jsonl')
    const clock = new VirtualClock()
    const gear = await createSwitchgear({ services: { search: { kind: 'http' } }, clock, seed: 1, journal: { file } })
    for (let i = 0; i < outcomes; i++) {
      clock.advance(5)
      const permit = gear.admit('search')
      clock.advance(1)
      if (i % 100 === 0) permit.fail(new Error('broken'))
      else permit.succeed()
      if (i % 10_000 === 0) await gear.flush()
    }
    await gear.close()
    let least = Number.POSITIVE_INFINITY
    let differences = 0
    for (let round = 0; round < 3; round++) {
      const startedAt = performance.now()
      const result = await replayJournal(file, { rotated: true })
      least = Math.min(least, performance.now() - startedAt)
      differences = result.differences
    }
    return { perSecond: (outcomes / least) * 1000, differences }
  } finally {
    rmSync(folder, { recursive: true })
  }
}
