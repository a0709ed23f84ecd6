// The demo's run and its two views, watched from within; and its ledger's word on states that were missed.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { balanceLines } from '../../src/cli/demo/balanceLines.ts'
import { conditionWords } from '../../src/cli/demo/conditionWords.ts'
import { runDemoCommand } from '../../src/cli/demo/demoAction.ts'
import { runDemo } from '../../src/cli/demo/demoRun.ts'
import { Ledger } from '../../src/cli/demo/ledger.ts'
import { liveView } from '../../src/cli/demo/liveView.ts'
import { plainView } from '../../src/cli/demo/plainView.ts'
import { Traffic } from '../../src/cli/demo/traffic.ts'
import { LiveScreen } from '../../src/cli/terminal/liveScreen.ts'
import { styleFor } from '../../src/cli/terminal/style.ts'
import { systemClock } from '../../src/model/clock.ts'
import { seededRandom } from '../../src/model/random.ts'
import type { StatePath } from '../../src/model/states.ts'
import { VirtualClock } from '../../src/model/virtualClock.ts'
import { pacedClock } from './pacedClock.ts'

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'switchgear-test-'))
})
afterEach(() => rm(directory, { recursive: true }))

const PLAIN = styleFor({}, {})

describe('a run of the demo', { timeout: 180_000 }, () => {
  test('can be watched as lines and as a table, and says what it was worth', async () => {
    const lines: string[] = []
    const pictures: string[] = []
    const terminal = { columns: 100, rows: 30, write: (text: string) => pictures.push(text) }
    const { ledger, balance, replay } = await runDemo({
      ...{ clock: pacedClock(), seconds: 6, journal: join(directory, 'demo.jsonl'), seed: 1, inspectPort: undefined },
      signal: new AbortController().signal,
      watch: (board, startedAt, endsAt) => {
        const plain = plainView({ board, startedAt, style: PLAIN, print: (line) => lines.push(line) })
        const live = liveView({ board, screen: new LiveScreen(terminal), style: PLAIN, startedAt, endsAt })
        return {
          said: (what) => [plain, live].forEach((view) => void view.said(what)),
          moved: (transition) => [plain, live].forEach((view) => void view.moved(transition)),
          alerted: (alert) => [plain, live].forEach((view) => void view.alerted(alert)),
          tick: () => [plain, live].forEach((view) => void view.tick()),
          end: () => [plain, live].forEach((view) => void view.end()),
        }
      },
    })
    expect(ledger.missed()).toEqual([])
    expect(replay).toMatchObject({ differences: 0, dropped: 0 })
    expect(balance.outage.refused).toBeGreaterThan(0)
    expect(balance.rateLimit.heldBack).toBeGreaterThan(0)
    expect(balance.budget.heldBack).toBeGreaterThan(0)
    expect(balance.maintenanceKeptAway).toBeGreaterThan(0)
    expect(balance.slowDown.lighterCalls).toBeGreaterThan(0)
    expect(balance.lostIndex.naiveQueries).toBeGreaterThan(0)
    expect(balance.poorAnswers.withoutSearch).toBeGreaterThan(0)
    expect(balance.poorAnswers.worstQuality).toBeLessThan(0.7)
    expect(balance.fullMemory.shorterLived).toBeGreaterThan(0)
    expect(balance.quota.message).toMatch(/^perplexity: \d+ of the \d+ calls of this month are used$/)
    expect(balance.fallbacks).toBeGreaterThan(0)
    const saved = (service: string, level: number) =>
      balance.degradation.find((one) => one.service === service && one.level === level)?.measured.costSaved
    expect(saved('openai', 1)).toBeGreaterThan(0.5)
    expect(saved('perplexity', 2)).toBeGreaterThan(0.2)
    expect(balance.money.map(({ service }) => service)).toEqual(['openai', 'perplexity'])
    const { spent, savedByDegradation, avoidedByRejection } = balance.moneyInAll
    expect(Math.min(spent, savedByDegradation, avoidedByRejection)).toBeGreaterThan(0)
    expect(balanceLines(balance).join('\n')).not.toMatch(/never|undefined|NaN/)
    expect(lines.some((line) => /openai +closed\.watching → open\.cooling {2}\(consecutive_failures\)/.test(line))).toBe(true)
    for (const code of ['quota_warning', 'budget_warning', 'budget_exceeded']) {
      expect(lines.some((line) => line.includes(`! ${code}: `))).toBe(true)
    }
    expect(lines.some((line) => line.includes('openai/'))).toBe(false)
    const last = pictures.join('')
    expect(last).toMatch(/openai +open\.cooling .* down, 503/)
    expect(last).toMatch(/lightrag +degraded\.level2 .* index lost/)
    expect(last).toContain('! quota_warning: perplexity:')
    expect(last).toContain('✓ budgetLimited')
    expect(last.endsWith('\u001b[?25h')).toBe(true)
  })

  test('that is interrupted gives its reason and leaves nothing running', async () => {
    const controller = new AbortController()
    const run = runDemo({
      ...{ clock: systemClock, seconds: 60, journal: join(directory, 'demo.jsonl'), seed: 1, inspectPort: undefined },
      signal: controller.signal,
      watch: () => ({ said: () => controller.abort(new Error('enough')), moved() {}, alerted() {}, tick() {}, end() {} }),
    })
    await expect(run).rejects.toThrow('enough')
  })

  test('needs a place for its journal', async () => {
    const file = join(directory, 'file')
    await writeFile(file, '')
    await expect(runDemoCommand({ seconds: 6, out: join(file, 'sub') })).rejects.toMatchObject({ exitCode: 2 })
  })
})

describe('the ledger', () => {
  const move = (ledger: Ledger, service: string, ...path: StatePath[]): void => {
    for (const to of path) {
      ledger.transition({ type: 'transition', at: 0, service, from: 'closed.watching', to, generation: 1, reason: 'x' })
    }
  }
  const CACHE = ['degraded.level1', 'closed.watching', 'maintenance', 'halfOpen', 'closed.ramping'] as const
  const OPENAI = [
    'degraded.level1',
    'closed.watching',
    'rateLimited.paced',
    'open.cooling',
    'halfOpen',
    'closed.watching',
  ] as const

  test('names for each service the first state that was not visited in its turn', () => {
    const ledger = new Ledger()
    move(ledger, 'openai', 'rateLimited.paced', 'degraded.level1', 'open.cooling')
    move(ledger, 'cache', ...CACHE)
    expect(ledger.missed()).toEqual([
      'openai was never rateLimited after degraded',
      'perplexity was never degraded after closed',
      'lightrag was never degraded after closed',
    ])
    move(ledger, 'lightrag', 'degraded.level2')
    expect(ledger.missed()).toContain('lightrag was never closed after degraded')
    move(ledger, 'lightrag', 'closed.watching')
    move(ledger, 'perplexity', 'degraded.level1', 'closed.watching', 'budgetLimited.throttled', 'closed.watching')
    // A model's breaker is not its service's.
    move(ledger, 'openai/gpt-4o', ...OPENAI)
    expect(ledger.missed()).toEqual(['openai was never rateLimited after degraded'])
    move(ledger, 'openai', ...OPENAI)
    expect(ledger.missed()).toEqual([])
  })

  test('counts for an episode only what concerns its service, while it lasts', () => {
    const ledger = new Ledger()
    const episode = ledger.begin('lightrag', 1000)
    const outcome = { type: 'outcome', at: 1000, latency: 1, generation: 0, service: 'lightrag' } as const
    const alert = { type: 'alert', at: 1200, service: 'lightrag', level: 'info', code: 'x', message: 'y' } as const
    ledger.outcome({ ...outcome, result: 'failure', probe: 1 })
    ledger.outcome({ ...outcome, result: 'success', level: 1, quality: 0.5 })
    ledger.outcome({ ...outcome, result: 'success', quality: 0.75 })
    ledger.outcome({ ...outcome, result: 'rejected' })
    ledger.outcome({ ...outcome, service: 'openai', result: 'success' })
    ledger.alert({ ...alert, service: 'cache', at: 1100 })
    ledger.alert(alert)
    episode.over = true
    ledger.outcome({ ...outcome, result: 'success' })
    const counts = { successes: 2, failures: 1, refused: 1, lostProbes: 1, sent: 3, lessened: 1, worstQuality: 0.5 }
    expect(episode).toMatchObject(counts)
    expect(episode.reached('open')).toBeUndefined()
    expect([episode.heard('x'), episode.heard('z')]).toEqual([200, undefined])
  })

  test('counts the calls that a model’s breaker refuses as those of its service, and none of the others', () => {
    const ledger = new Ledger()
    const episode = ledger.begin('openai', 1000)
    const outcome = { type: 'outcome', at: 1000, latency: 1, generation: 0, service: 'openai/gpt-4o' } as const
    ledger.outcome({ ...outcome, result: 'rejected' })
    ledger.outcome({ ...outcome, result: 'success' })
    ledger.outcome({ ...outcome, service: 'openai', result: 'rejected' })
    expect(episode).toMatchObject({ refused: 2, sent: 0 })
    expect([ledger.refused('openai'), ledger.refused('cache')]).toEqual([2, 0])
  })

  test('tells of an episode when a state or a part of one was reached', () => {
    const ledger = new Ledger()
    const episode = ledger.begin('lightrag', 1000)
    const step = { type: 'transition', service: 'lightrag', from: 'closed.watching', generation: 1, reason: 'x' } as const
    ledger.transition({ ...step, at: 1100, to: 'degraded.level1' })
    ledger.transition({ ...step, at: 1300, to: 'degraded.level2' })
    expect([episode.reached('degraded'), episode.reached('degraded.level2'), episode.reached('open')]).toEqual([
      100,
      300,
      undefined,
    ])
  })
})

test('traffic comes at its rate, and tells when a call failed that had a fallback', async () => {
  const clock = new VirtualClock()
  const traffic = new Traffic(clock, seededRandom(1))
  let calls = 0
  traffic.flow(100, async () => {
    if (++calls === 50) throw new Error('no answer')
  })
  await clock.advanceAsync(1000)
  expect(calls).toBeGreaterThan(80)
  expect(calls).toBeLessThan(120)
  const stopped = traffic.stop()
  await expect(stopped).rejects.toThrow('no answer')
  const before = calls
  await clock.advanceAsync(1000)
  expect(calls).toBe(before)
})

test.each([
  [{ kind: 'healthy' } as const, 'well'],
  [{ kind: 'slow', ms: 600 } as const, 'slow, +600 ms'],
  [{ kind: 'rateLimited', retryAfterSeconds: 1.25 } as const, '429, come back in 1.3 s'],
  [{ kind: 'outage', status: 503 } as const, 'down, 503'],
  [{ kind: 'hang' } as const, 'silent'],
  [{ kind: 'quotaExhausted' } as const, 'quota gone'],
  [{ kind: 'poor' } as const, 'answers lack sources'],
  [{ kind: 'indexLost' } as const, 'index lost'],
  [{ kind: 'unreachable' } as const, 'unreachable'],
  [{ kind: 'full' } as const, 'memory nearly full'],
])('the condition %j reads "%s"', (condition, words) => {
  expect(conditionWords(condition)).toBe(words)
})
