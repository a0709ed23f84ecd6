// A board that comes back: it goes on where the journal of the last process stops, wherever that was.
import { copyFileSync, existsSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { encode } from '../src/bus/journalLine.ts'
import { readLastSession } from '../src/bus/journalReader.ts'
import type { ServiceInput } from '../src/model/config.ts'
import { JournalError } from '../src/model/errors.ts'
import type { HeaderRecord } from '../src/model/records.ts'
import type { StatePath } from '../src/model/states.ts'
import { replayJournal } from '../src/replay/replayJournal.ts'
import { createSwitchgear, type Switchgear } from '../src/switchgear.ts'
import { VirtualClock } from '../src/testing/index.ts'
import { fails, httpError, open, settle } from './actors/testBoard.ts'
import { recordsIn, temporaryDirectory } from './bus/journalRecords.ts'

const search = {
  kind: 'http',
  trip: { consecutiveFailures: 3 },
  degrade: false,
  recoveryTimeout: 20_000,
  recoveryJitter: { from: 1, to: 1 },
  maxProbes: 2,
  successesToClose: 2,
  rampDuration: 10_000,
} as const satisfies ServiceInput
const by = { by: 'ann', why: 'because' }

type Board = Switchgear<{ search: ServiceInput }>

interface Site {
  readonly file: string
  readonly clock: VirtualClock
  start<Services extends Record<string, ServiceInput> = { search: ServiceInput }>(
    services?: Services,
    file?: string,
  ): Promise<Switchgear<Services>>
}

/** A place where boards come and go on one file and one clock. */
function site(): Site {
  const file = join(temporaryDirectory(), 'board.jsonl')
  const clock = new VirtualClock()
  return {
    file,
    clock,
    async start(services, at = file) {
      const gear = await createSwitchgear({ services: services ?? ({ search } as never), journal: { file: at }, clock, seed: 5 })
      onTestFinished(() => gear.close())
      return gear
    },
  }
}

async function failTimes(
  gear: { execute(service: 'search', run: () => Promise<never>): Promise<unknown> },
  times: number,
  error?: Error,
) {
  for (let i = 0; i < times; i++) await gear.execute('search', fails(error)).catch(() => undefined)
}

async function halfOpen(gear: Board, clock: VirtualClock): Promise<void> {
  await failTimes(gear, 3)
  clock.advance(20_000)
  expect(gear.services.search.path).toBe('halfOpen')
}

const states: readonly [StatePath, (gear: Board, clock: VirtualClock) => unknown][] = [
  ['closed.watching', () => undefined],
  ['closed.bypassed', (gear) => gear.command('search', { name: 'disable', ...by })],
  [
    'closed.ramping',
    async (gear, clock) => {
      await halfOpen(gear, clock)
      for (let i = 0; i < 2; i++) await gear.execute('search', () => 1)
    },
  ],
  ['open.cooling', (gear) => failTimes(gear, 3)],
  [
    'open.awaitingPermit',
    async (gear, clock) => {
      await failTimes(gear, 3)
      gear.direct('search', { epoch: 1, level: 0, hold: true, expiresAt: clock.now() + 60_000, rule: 'hold', reason: 'r' })
      clock.advance(20_000)
    },
  ],
  ['open.forced', (gear) => gear.command('search', { name: 'trip', ...by })],
  ['halfOpen', halfOpen],
  ['degraded.level1', (gear) => gear.signal('search', { kind: 'health', level: 1, reason: 'r' })],
  [
    'degraded.level3',
    (gear, clock) => gear.direct('search', { epoch: 3, level: 3, expiresAt: clock.now() + 50_000, rule: 'r', reason: 'r' }),
  ],
  ['rateLimited.paced', (gear) => failTimes(gear, 1, httpError(429))],
  [
    'rateLimited.exhausted',
    (gear, clock) => gear.signal('search', { kind: 'limit', mode: 'exhausted', until: clock.now() + 90_000 }),
  ],
  [
    'budgetLimited.throttled',
    (gear, clock) =>
      gear.signal('search', { kind: 'budget', mode: 'throttled', share: 0.3, rule: 'daily', until: clock.now() + 90_000 }),
  ],
  ['budgetLimited.blocked', (gear) => gear.signal('search', { kind: 'budget', mode: 'blocked', rule: 'daily' })],
  ['maintenance', (gear, clock) => gear.command('search', { name: 'beginMaintenance', ...by, until: clock.now() + 30_000 })],
]

describe('after a restart, a breaker', () => {
  it.each(states)('that was in %s is there still, with the same deadline, and leaves it in time', async (path, prepare) => {
    const { start, clock, file } = site()
    const before = await start()
    await before.execute('search', () => 1)
    await prepare(before, clock)
    expect(before.services.search.path).toBe(path)
    const { until, reason } = before.services.search
    await before.close()
    clock.advance(until === undefined ? 60_000 : Math.floor((until - clock.now()) / 2))
    const after = await start()
    expect(after.services.search).toMatchObject({ path, until, reason })
    if (until !== undefined) {
      clock.runTo(until - 1)
      expect(after.services.search).toMatchObject({ path, until })
      clock.runTo(until)
      expect(after.services.search.until).not.toBe(until)
    }
    await after.close()
    expect(await replayJournal(file)).toMatchObject({ differences: 0, sessions: 2, torn: undefined })
  })

  it('whose deadline passed while nobody ran leaves its state at once', async () => {
    const { start, clock, file } = site()
    const before = await start()
    await failTimes(before, 3)
    await before.close()
    clock.advance(3_600_000)
    const after = await start()
    expect(after.state('search')).toBe('open')
    clock.advance(0)
    expect(after.state('search')).toBe('halfOpen')
    for (let i = 0; i < 2; i++) await after.execute('search', () => 1)
    expect(after.state('search')).toBe('closed')
    await after.close()
    expect(await replayJournal(file)).toMatchObject({ differences: 0 })
  })

  it('is free of the probes that the last process took with it', async () => {
    const { start, clock, file } = site()
    const before = await start()
    await halfOpen(before, clock)
    const answer = open<number>()
    const lost = [1, 2].map(() => before.execute('search', () => answer.promise))
    expect(before.peek('search')).toBeDefined()
    await before.close()
    const after = await start()
    expect(after.peek('search')).toBeUndefined()
    for (let i = 0; i < 2; i++) await after.execute('search', () => 1)
    expect(after.state('search')).toBe('closed')
    answer.resolve(1)
    await Promise.all(lost)
    await after.close()
    expect(await replayJournal(file)).toMatchObject({ differences: 0 })
  })

  it('remembers what its window counted: one failure more and it opens', async () => {
    const { start, clock } = site()
    const before = await start()
    await before.execute('search', () => 1)
    await failTimes(before, 2)
    await before.close()
    clock.advance(5000)
    const after = await start()
    expect(after.services.search.stats.window).toEqual({ calls: 3, failures: 2, slow: 0 })
    await failTimes(after, 1)
    expect(after.state('search')).toBe('open')
  })

  it('has forgotten what its window would have forgotten meanwhile', async () => {
    const { start, clock } = site()
    const before = await start()
    await failTimes(before, 2)
    await before.close()
    clock.advance(3_600_000)
    const after = await start()
    expect(after.services.search.stats.window.calls).toBe(0)
    await failTimes(after, 2)
    expect(after.state('search')).toBe('closed')
  })

  it('waits longer when it opens again, as if nothing had come between', async () => {
    const { start, clock } = site()
    const before = await start()
    await halfOpen(before, clock)
    await failTimes(before, 2)
    expect(before.services.search.until).toBe(clock.now() + 40_000)
    await before.close()
    const after = await start()
    clock.advance(40_000)
    await failTimes(after, 2)
    expect(after.services.search.until).toBe(clock.now() + 80_000)
  })

  it('keeps its pace: the bucket is as full as it was', async () => {
    const { start, clock } = site()
    const before = await start()
    before.signal('search', { kind: 'limit', mode: 'paced', perSecond: 1, until: clock.now() + 60_000 })
    clock.advance(1000)
    await before.execute('search', () => 1)
    clock.advance(600)
    await before.close()
    const after = await start()
    expect(after.peek('search')).toMatchObject({ retryAfterMs: 400 })
    clock.advance(400)
    expect(after.peek('search')).toBeUndefined()
  })

  it('of a key is there, and its service is not taken for it', async () => {
    const { start, file } = site()
    const before = await start()
    for (let i = 0; i < 3; i++)
      await before.services.search
        .for('a/ü b')
        .execute(fails())
        .catch(() => undefined)
    await before.close()
    const after = await start()
    expect([after.services.search.for('a/ü b').state, after.state('search')]).toEqual(['open', 'closed'])
    after.reconfigure('search', { timeout: 77 })
    expect(after.services.search.for('a/ü b').policy.timeout).toBe(77)
    await after.close()
    expect(await replayJournal(file)).toMatchObject({ differences: 0 })
  })
})

describe('a board whose journal another one still writes', () => {
  it('is refused before it reads where that one stands', async () => {
    const { start, file } = site()
    const before = await start()
    const whole = readFileSync(file)
    writeFileSync(file, 'no journal at all')
    await expect(start()).rejects.toThrow(/is writing this journal/)
    writeFileSync(file, whole)
    await before.close()
  })

  it('leaves no lock behind when the journal cannot be read', async () => {
    const { start, file } = site()
    writeFileSync(file, 'no journal at all\nand none here\n')
    await expect(start()).rejects.toThrow(/no line of a journal/)
    expect(existsSync(`${file}.lock`)).toBe(false)
  })
})

describe('a journal that asks for more than a configuration may', () => {
  it('is refused at once, by file, line and path', async () => {
    const { start, file } = site()
    await (await start()).close()
    const [first = ''] = readFileSync(file, 'utf8').split('\n')
    const record: HeaderRecord = JSON.parse(first.replace(/"crc":".{8}",/, '').replace('"seconds":60', '"seconds":3e7'))
    writeFileSync(file, encode(record, 0).line)
    const error = await start().catch((thrown) => thrown)
    expect(error).toBeInstanceOf(JournalError)
    expect(error).toMatchObject({
      file,
      line: 1,
      problem: expect.stringMatching(/^services\.search\.policy\.window\.seconds: .*<=3600/),
    })
  })
})

describe('a configuration that has changed meanwhile', () => {
  it('may know a service more, which starts closed, and one less, which is forgotten', async () => {
    const { start, file } = site()
    const before = await start({ search, cache: { kind: 'cache' } })
    before.services.cache.for('k').admit().ignore()
    before.command('cache', { name: 'trip', ...by })
    await failTimes(before, 3)
    await before.close()
    const after = await start({ search, chat: { kind: 'openai' } })
    expect([after.state('search'), after.state('chat')]).toEqual(['open', 'closed'])
    await after.close()
    const again = await start({ search, cache: { kind: 'cache' } })
    expect([again.state('search'), again.state('cache')]).toEqual(['open', 'closed'])
    await again.close()
    expect(await replayJournal(file)).toMatchObject({ differences: 0, sessions: 3 })
  })

  it('may have another policy, which holds from then on', async () => {
    const { start, file, clock } = site()
    const before = await start()
    await halfOpen(before, clock)
    await before.close()
    const after = await start({ search: { ...search, maxProbes: 1, successesToClose: 1, window: { type: 'count', size: 5 } } })
    expect(after.state('search')).toBe('halfOpen')
    await after.execute('search', () => 1)
    expect(after.state('search')).toBe('closed')
    await after.close()
    expect(await replayJournal(file)).toMatchObject({ differences: 0 })
  })

  it('may make of a service one of another kind, which starts afresh', async () => {
    const { start, file } = site()
    const before = await start()
    before.command('search', { name: 'trip', ...by })
    await before.close()
    const after = await start({ search: { kind: 'cache' } })
    expect(after.state('search')).toBe('closed')
    await after.close()
    expect(await replayJournal(file)).toMatchObject({ differences: 0 })
  })
})

describe('a journal written while the clock was a day ahead', () => {
  const DAY = 86_400_000

  /** A board that goes on, with a clock that is right, from what `prepare` made of one whose clock was a day ahead. */
  async function setRight(prepare: (gear: Board, clock: VirtualClock) => unknown) {
    const { start, file, clock: right } = site()
    const ahead = new VirtualClock(right.now() + DAY)
    const before = await createSwitchgear<{ search: ServiceInput }>({
      services: { search },
      journal: { file },
      clock: ahead,
      seed: 5,
    })
    onTestFinished(() => before.close())
    await prepare(before, ahead)
    await before.close()
    right.runTo(ahead.now() - DAY)
    const after = await start()
    return { after, clock: right, file }
  }

  it('keeps a breaker open for what is left of its time, not for a day', async () => {
    const { after, clock, file } = await setRight(async (gear, ahead) => {
      await failTimes(gear, 3)
      ahead.advance(5000)
      await gear.execute('search', () => 1).catch(() => undefined)
    })
    expect(after.services.search).toMatchObject({ state: 'open', until: clock.now() + 15_000 })
    clock.advance(14_999)
    expect(after.state('search')).toBe('open')
    clock.advance(1)
    expect(after.state('search')).toBe('halfOpen')
    for (let i = 0; i < 2; i++) await after.execute('search', () => 1)
    expect(after.state('search')).toBe('closed')
    await after.close()
    expect(await replayJournal(file)).toMatchObject({ differences: 0, sessions: 2 })
  })

  it.each<[StatePath, number, (gear: Board, clock: VirtualClock) => unknown]>([
    ['closed.ramping', 10_000, states.find(([path]) => path === 'closed.ramping')?.[1] ?? (() => undefined)],
    ['rateLimited.exhausted', 90_000, (gear, clock) => limitFor(gear, clock, 'exhausted')],
    ['rateLimited.paced', 90_000, (gear, clock) => limitFor(gear, clock, 'paced')],
    ['degraded.level1', 30_000, (gear) => gear.signal('search', { kind: 'health', level: 1, reason: 'r' })],
  ])('keeps it in %s no longer than the %d ms it had to', async (path, ms, prepare) => {
    const { after, clock, file } = await setRight(prepare)
    const { until } = after.services.search
    expect(after.services.search.path).toBe(path)
    expect(until).toBeGreaterThan(clock.now())
    expect(until).toBeLessThanOrEqual(clock.now() + ms)
    clock.advance(ms)
    expect(after.services.search.path).not.toBe(path)
    await after.close()
    expect(await replayJournal(file)).toMatchObject({ differences: 0 })
  })

  it.each<[string, (gear: Board, until: number) => void]>([
    ['maintenance', (gear, until) => gear.command('search', { name: 'beginMaintenance', ...by, until })],
    ['budgetLimited', (gear, until) => gear.signal('search', { kind: 'budget', mode: 'blocked', rule: 'daily', until })],
  ])('leaves it in %s until the time of the calendar that was set', async (state, set) => {
    let until = 0
    const { after, clock } = await setRight((gear, ahead) => {
      until = ahead.now() + 3_600_000
      set(gear, until)
    })
    expect(until).toBe(clock.now() + DAY + 3_600_000)
    expect(after.services.search).toMatchObject({ state, until })
    clock.runTo(until - 1)
    expect(after.state('search')).toBe(state)
    clock.runTo(until)
    expect(after.state('search')).not.toBe(state)
  })

  it('is gone on with: calls are counted and forgotten in time', async () => {
    const { after, clock } = await setRight((gear) => failTimes(gear, 2))
    expect(after.services.search.stats.window).toMatchObject({ calls: 2, failures: 2 })
    clock.advance(3_600_000)
    expect(after.services.search.stats.window.calls).toBe(0)
    await failTimes(after, 2)
    expect(after.state('search')).toBe('closed')
  })
})

function limitFor(gear: Board, clock: VirtualClock, mode: 'paced' | 'exhausted'): void {
  gear.signal('search', { kind: 'limit', mode, until: clock.now() + 90_000, ...(mode === 'paced' ? { perSecond: 3 } : {}) })
}

describe('a restart under a window of another type', () => {
  it.each([
    ['from time to count', { type: 'time', seconds: 60 }, { type: 'count', size: 10 }],
    ['from count to time', { type: 'count', size: 10 }, { type: 'time', seconds: 60 }],
  ] as const)('starts its window empty, %s, and keeps the state', async (_, from, to) => {
    const { start, file } = site()
    const before = await start({ search: { ...search, window: from } })
    await before.execute('search', () => 1)
    await failTimes(before, 2)
    before.signal('search', { kind: 'health', level: 1, reason: 'r' })
    await before.close()
    const after = await start({ search: { ...search, window: to } })
    expect(after.services.search.path).toBe('degraded.level1')
    expect(after.services.search.stats.window).toEqual({ calls: 0, failures: 0, slow: 0 })
    await failTimes(after, 2)
    expect(after.services.search.path).toBe('degraded.level1')
    await failTimes(after, 1)
    expect(after.state('search')).toBe('open')
    await after.close()
    expect(await replayJournal(file)).toMatchObject({ differences: 0 })
  })
})

/** A busy life: calls of every kind, in every state that calls lead to. */
async function live(gear: Board, clock: VirtualClock, seed: number): Promise<void> {
  for (let i = 0; i < 40; i++) {
    const dice = (i * 7 + seed * 13) % 11
    const target = dice % 4 === 0 ? gear.services.search.for(`k${dice}`) : gear.services.search
    const run = dice < 5 ? fails(dice === 3 ? httpError(429) : httpError(503)) : async () => 1
    await target.execute(run).catch(() => undefined)
    await clock.advanceAsync(dice * 900)
    if (i === 20) gear.signal('search', { kind: 'health', level: 1, reason: 'r' })
  }
}

describe('the journal', () => {
  it('of five boards in a row replays without a difference', async () => {
    const { start, file, clock } = site()
    for (let session = 0; session < 5; session++) {
      const gear = await start()
      await live(gear, clock, session)
      await gear.close()
      clock.advance(session * 7000)
    }
    const replay = await replayJournal(file)
    expect(replay).toMatchObject({ differences: 0, sessions: 5, torn: undefined })
    expect(replay.transitions).toBeGreaterThan(10)
  })

  it('of a process that was killed is gone on with: what was written counts, what was not did not happen', async () => {
    const { start, file, clock } = site()
    const killed = await start()
    await failTimes(killed, 3)
    await killed.flush()
    const copy = `${file}.copy.jsonl`
    copyFileSync(file, copy)
    killed.command('search', { name: 'reset', ...by })
    const after = await start({ search }, copy)
    expect(after.state('search')).toBe('open')
    await live(after, clock, 1)
    await after.close()
    expect(await replayJournal(copy)).toMatchObject({ differences: 0, sessions: 2 })
  })

  it('that is cut off somewhere in its last 300 bytes opens, goes on, and replays', async () => {
    const { start, file, clock } = site()
    const killed = await start()
    await live(killed, clock, 2)
    await killed.close()
    const whole = readFileSync(file)
    // Around each end of a line, and every seventh byte between.
    const nearEnd = (cut: number): boolean => whole.subarray(whole.length - cut - 2, whole.length - cut + 3).includes('\n')
    const cuts = Array.from({ length: 301 }, (_, cut) => cut).filter((cut) => cut % 7 === 0 || nearEnd(cut))
    let torn = 0
    for (const cut of cuts) {
      const copy = `${file}.${cut}.jsonl`
      writeFileSync(copy, whole)
      truncateSync(copy, whole.length - cut)
      const crashed = await replayJournal(copy)
      expect(crashed.differences).toBe(0)
      if (crashed.torn) torn++
      const records = [...readLastSession(copy)].flat().length
      const gear = await createSwitchgear({ services: { search }, journal: { file: copy }, clock, seed: 5 })
      await failTimes(gear, 1)
      await gear.close()
      const replay = await replayJournal(copy)
      expect(replay).toMatchObject({ differences: 0, sessions: 2, torn: undefined })
      expect(recordsIn(copy).length).toBeGreaterThan(records)
    }
    expect(torn).toBeGreaterThan(cuts.length * 0.8)
  }, 60_000)

  it('whose very first line was cut off is begun anew', async () => {
    const { start, file, clock } = site()
    await (await start()).close()
    const whole = readFileSync(file)
    for (let length = 0; length < whole.length; length += 101) {
      const copy = `${file}.${length}.jsonl`
      writeFileSync(copy, whole.subarray(0, length))
      const gear = await createSwitchgear({ services: { search }, journal: { file: copy }, clock, seed: 5 })
      expect(gear.state('search')).toBe('closed')
      await failTimes(gear, 3)
      await gear.close()
      expect(await replayJournal(copy)).toMatchObject({ differences: 0, sessions: 1, transitions: 1 })
    }
  })

  it('that somebody has changed is refused, by file and line, and nothing is started', async () => {
    const { start, file, clock } = site()
    const gear = await start()
    await failTimes(gear, 3)
    await gear.close()
    const before = clock.pending
    writeFileSync(file, readFileSync(file, 'utf8').replace('"failure":"unknown_error"', '"failure":"timeout"      '))
    const error = await start().catch((thrown) => thrown)
    expect(error).toBeInstanceOf(JournalError)
    expect(error).toMatchObject({ file, line: expect.any(Number) })
    expect(clock.pending).toBe(before)
    await settle()
  })
})
