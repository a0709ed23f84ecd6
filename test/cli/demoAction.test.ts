// What `switchgear demo` says about a run, whatever came of it. The run itself is put in place of the real one, which takes its
// seconds and has tests of its own; the board it shows is a real one that nobody calls.
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { startDemoBoard } from '../../src/cli/demo/demoBoard.ts'
import { type DemoResult, type DemoRunOptions, runDemo } from '../../src/cli/demo/demoRun.ts'
import { ROUTES } from '../../src/cli/demo/demoServices.ts'
import { Ledger } from '../../src/cli/demo/ledger.ts'
import { VirtualClock } from '../../src/model/virtualClock.ts'
import { runHere } from './runHere.ts'

vi.mock('../../src/cli/demo/demoRun.ts', () => ({ runDemo: vi.fn() }))

let directory: string
beforeEach(async () => {
  vi.stubEnv('NO_COLOR', '1')
  vi.stubEnv('TERM', 'xterm')
  directory = await mkdtemp(join(tmpdir(), 'switchgear-test-'))
})
afterEach(async () => {
  vi.unstubAllEnvs()
  vi.mocked(runDemo).mockReset()
  Reflect.deleteProperty(process.stdout, 'isTTY')
  await rm(directory, { recursive: true })
})

/** A ledger in which each service took its whole route, but for those in `missing`. */
function ledgerWithout(...missing: string[]): Ledger {
  const ledger = new Ledger()
  const paths = { degraded: 'degraded.level1', closed: 'closed.watching', open: 'open.cooling', halfOpen: 'halfOpen' } as const
  const others = {
    rateLimited: 'rateLimited.paced',
    budgetLimited: 'budgetLimited.throttled',
    maintenance: 'maintenance',
  } as const
  for (const [service, route] of Object.entries(ROUTES)) {
    if (missing.includes(service)) continue
    for (const state of route.slice(1)) {
      const to = { ...paths, ...others }[state]
      ledger.transition({ type: 'transition', at: 0, service, from: 'closed.watching', to, generation: 1, reason: 'x' })
    }
  }
  return ledger
}

const BALANCE: DemoResult['balance'] = {
  slowDown: { noticedAfterMs: 1500, lighterCalls: 3 },
  lostIndex: { noticedAfterMs: 150, naiveQueries: 11 },
  poorAnswers: { noticedAfterMs: 300, worstQuality: undefined, withoutSearch: 12 },
  fullMemory: { noticedAfterMs: 200, shorterLived: 13 },
  rateLimit: { sent: 1, heldBack: 4 },
  quota: { warnedAfterMs: 400, message: 'perplexity: 9 of 10' },
  budget: { throttledAfterMs: 90, spentAfterMs: 1100, heldBack: 7 },
  outage: { noticedAfterMs: undefined, failedFirst: 5, refused: 6, probes: 2 },
  cascade: { root: 'openai', bentAfterMs: 180, probedAfterMs: 10 },
  recoveredAfterMs: 250,
  maintenanceKeptAway: 8,
  fallbacks: 9,
  degradation: [
    {
      ...{ service: 'perplexity', level: 2, calls: 14 },
      expected: { costSaved: 0.7, qualityLost: 0.4 },
      measured: { costSaved: 0.549, qualityLost: 0.2 },
    },
    {
      ...{ service: 'lightrag', level: 1, calls: 15 },
      expected: { costSaved: 0.2, qualityLost: 0.1 },
      measured: { costSaved: undefined, qualityLost: -0.02 },
    },
    {
      ...{ service: 'lightrag', level: 2, calls: 16 },
      expected: { costSaved: 0.5, qualityLost: 0.35 },
      measured: { costSaved: undefined, qualityLost: 0.001 },
    },
  ],
  money: [{ service: 'perplexity', spent: 1.25, savedByDegradation: -0.5, avoidedByRejection: 0.125 }],
  moneyInAll: { spent: 1.25, savedByDegradation: -0.5, avoidedByRejection: 0.125 },
}
const GOOD: DemoResult = {
  balance: BALANCE,
  ledger: ledgerWithout(),
  replay: { inputs: 10, transitions: 2, differences: 0, sessions: 1, dropped: 0, torn: undefined, first: undefined },
}

/** A run that shows its board for a moment and then comes to `result`. */
function comesTo(result: DemoResult): void {
  vi.mocked(runDemo).mockImplementation(async (options: DemoRunOptions) => {
    const clock = new VirtualClock()
    const board = await startDemoBoard({ ...options, clock, unit: 300 })
    try {
      const view = options.watch(board, clock.now(), clock.now() + 6000)
      view.said('all is well')
      view.tick()
      view.end()
    } finally {
      await board.close()
    }
    return result
  })
}

const demo = (...args: string[]) => runHere('demo', '--out', directory, ...args)
const journal = (name = 'demo.jsonl'): string => join(directory, name)

describe('the result of the demo', { timeout: 20_000 }, () => {
  test('is told in words, with the balance, the journal and the replay', async () => {
    comesTo(GOOD)
    const { code, stdout, stderr } = await demo()
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toContain('all is well')
    for (const line of [
      '  slow-down    noticed after 1.50 s; asked for a smaller model meanwhile: 3',
      '  lost index   noticed after 0.15 s; queries by vectors alone meanwhile: 11',
      '  quality      noticed after 0.30 s, at worst unknown; asked without a search meanwhile: 12',
      '  quota        warned after 0.40 s: perplexity: 9 of 10',
      '  budget       90% after 0.09 s, 100% after 1.10 s; held back: 7',
      '  outage       noticed after never and 5 failures; refused instead of sent: 6',
      '  cascade      root: openai; lightrag asked for less after 0.18 s, probed 0.01 s after openai was back',
      '',
      '    perplexity level 2: cost −70% expected, −55% measured (14 calls)',
      '    lightrag   level 1: quality −10% expected, +2% measured (15 calls)',
      '    lightrag   level 2: quality −35% expected, ±0% measured (16 calls)',
      '    perplexity spent $1.2500; saved by degradation −$0.5000, avoided by rejection $0.1250',
      '    in sum     spent $1.2500; saved by degradation −$0.5000, avoided by rejection $0.1250',
    ]) {
      expect(stdout.split('\n')).toContain(line)
    }
    expect(stdout.endsWith(`\njournal: ${journal()}\nreplay: identical (10 inputs, 2 transitions, 0 differences)\n`)).toBe(true)
  })

  test('is nothing but JSON for those who ask for it', async () => {
    comesTo(GOOD)
    const { code, stdout } = await demo('--json', '--seed', '7', '--inspect', '0')
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({
      ...{
        seconds: 20,
        seed: 7,
        journal: journal(),
        missed: [],
        states: ROUTES,
        balance: JSON.parse(JSON.stringify(BALANCE)),
        replay: { inputs: 10, differences: 0 },
      },
    })
  })

  test('says where no warning of the quota was heard', async () => {
    comesTo({ ...GOOD, balance: { ...BALANCE, quota: { warnedAfterMs: undefined, message: undefined } } })
    expect((await demo()).stdout).toContain('  quota        no warning\n')
  })

  test('is exit code 1 and the missing states, where some were not visited', async () => {
    comesTo({ ...GOOD, ledger: ledgerWithout('cache') })
    const { code, stdout } = await demo()
    expect(code).toBe(1)
    expect(stdout).toContain('not visited: cache was never degraded after closed\n')
  })

  test('is exit code 1 and the first difference, where the replay differs', async () => {
    const first = {
      line: 3,
      service: 'cache',
      what: 'the transition differs',
      recorded: { to: 'a' },
      replayed: { to: 'b' },
      trail: [],
    }
    comesTo({ ...GOOD, replay: { ...GOOD.replay, differences: 1, first } })
    const { code, stdout } = await demo()
    expect(code).toBe(1)
    expect(stdout).toContain('First difference: line 3, cache: the transition differs\n')
    expect(stdout).toMatch(/\nreplay: differs \(.*1 differences\)\n$/)
  })
})

describe('the view of the demo', { timeout: 20_000 }, () => {
  test('names the inspector', async () => {
    comesTo(GOOD)
    expect((await demo('--inspect', '0')).stdout).toMatch(/^inspector: http:\/\/127\.0\.0\.1:\d+.* \(open it in a browser\)\n/)
  })

  test('is a live table on a terminal, and lines on a dumb one', async () => {
    Object.defineProperty(process.stdout, 'isTTY', { value: true, configurable: true })
    comesTo(GOOD)
    expect((await demo()).stdout).toContain('\u001b[?25l')
    vi.stubEnv('TERM', 'dumb')
    expect((await demo()).stdout).not.toContain('\u001b[')
  })
})

describe('the journal of the demo', { timeout: 20_000 }, () => {
  test('leaves those of earlier runs alone', async () => {
    await writeFile(journal(), 'earlier')
    await writeFile(journal('demo-2.jsonl'), 'earlier')
    comesTo(GOOD)
    expect((await demo()).stdout).toContain(`journal: ${journal('demo-3.jsonl')}\n`)
    expect(await readdir(directory)).toEqual(['demo-2.jsonl', 'demo-3.jsonl', 'demo.jsonl'])
  })

  test('goes to a new directory for temporary files if none is named', async () => {
    comesTo(GOOD)
    vi.stubEnv('TMPDIR', directory)
    const { stdout } = await runHere('demo')
    expect(stdout).toMatch(/\njournal: .*switchgear-demo-\w+\/demo\.jsonl\n/)
    expect(stdout).toContain(`journal: ${directory}`)
  })

  test('needs a place', async () => {
    await writeFile(journal('file'), '')
    const { code, stderr } = await runHere('demo', '--out', journal('file/sub'))
    expect(code).toBe(2)
    expect(stderr).toMatch(/^switchgear: the journal has no place to be: ENOTDIR/)
  })
})

describe('a run of the demo that fails', () => {
  test.each([
    [['--inspect'], 8080],
    [['--inspect', '9999'], 9999],
  ])('because the port of %j is taken says which', async (args, port) => {
    vi.mocked(runDemo).mockRejectedValue(Object.assign(new Error('listen'), { code: 'EADDRINUSE' }))
    expect(await demo(...args)).toMatchObject({
      ...{ code: 2, stderr: `switchgear: port ${port} is taken; choose another with --inspect PORT\n` },
    })
  })

  test('for another reason gives that', async () => {
    vi.mocked(runDemo).mockRejectedValue(new Error('the roof\nfell in'))
    expect(await demo()).toMatchObject({ code: 1, stderr: 'switchgear: the roof fell in\n' })
  })
})
