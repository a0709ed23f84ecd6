// What the command line draws: colours, tables, pictures redrawn in place, progress, and the report of a difference.
import { describe, expect, test } from 'vitest'
import { inOneLine } from '../../src/cli/commandFailure.ts'
import { differenceReport } from '../../src/cli/replay/differenceReport.ts'
import { eventWords } from '../../src/cli/replay/eventWords.ts'
import { ReplayProgress } from '../../src/cli/replay/replayProgress.ts'
import { LiveScreen } from '../../src/cli/terminal/liveScreen.ts'
import { styleFor } from '../../src/cli/terminal/style.ts'
import { type Column, textTable } from '../../src/cli/terminal/textTable.ts'
import type { GearEvent } from '../../src/model/records.ts'
import { VirtualClock } from '../../src/model/virtualClock.ts'

describe('colours', () => {
  test.each([
    ['on a terminal', { isTTY: true }, {}, true],
    ['not into a file', {}, {}, false],
    ['not where NO_COLOR is set', { isTTY: true }, { NO_COLOR: '1', FORCE_COLOR: '1' }, false],
    ['but an empty NO_COLOR says nothing', { isTTY: true }, { NO_COLOR: '' }, true],
    ['not on a dumb terminal', { isTTY: true }, { TERM: 'dumb' }, false],
    ['anywhere where FORCE_COLOR is set', {}, { FORCE_COLOR: '1' }, true],
    ['not where FORCE_COLOR is 0', {}, { FORCE_COLOR: '0' }, false],
  ])('%s', (_, stream, environment, coloured) => {
    expect(styleFor(stream, environment).red('x')).toBe(coloured ? '\u001b[31mx\u001b[39m' : 'x')
  })
})

describe('a table', () => {
  const columns: Column[] = [
    { title: 'name', width: 6 },
    { title: 'calls', align: 'right', dispensable: 2 },
    { title: 'doing', dispensable: 1 },
  ]
  const rows = [[{ text: 'a' }, { text: '12' }, { text: 'well' }]]
  const plain = (text: string): string => text
  const at = (width: number): string[] => textTable(columns, rows, width, plain)

  test('pads its columns', () => {
    expect(at(80)).toEqual(['name    calls  doing', 'a          12  well'])
  })
  test('leaves out what matters least, then cuts', () => {
    expect(at(19)).toEqual(['name    doing', 'a       well'])
    expect(at(12)).toEqual(['name  ', 'a     '].map((line) => line.trimEnd()))
    expect(at(3)).toEqual(['na…', 'a'])
  })
  test('leaves cells empty that a row does not have', () => {
    expect(textTable(columns, [[{ text: 'a' }], []], 80, plain)).toEqual([
      'name    calls  doing',
      'a              ',
      '               ',
    ])
  })
  test('counts widths without the colours', () => {
    const red = styleFor({ isTTY: true }, {}).red
    const [, line] = textTable(columns, [[{ text: 'a', paint: red }, { text: '1' }, { text: '' }]], 80, plain)
    expect(line).toBe('\u001b[31ma     \u001b[39m      1  ')
  })
})

describe('a live picture', () => {
  test('is redrawn where it stands, hides the cursor meanwhile, and fits the terminal', () => {
    const written: string[] = []
    const screen = new LiveScreen({ columns: 50, rows: 4, write: (text) => written.push(text) })
    expect([screen.width, screen.height]).toEqual([49, 3])
    screen.draw(['a', 'b', 'c', 'd'])
    screen.draw(['e'])
    screen.end()
    screen.end()
    expect(written).toEqual([
      '\u001b[?2026h\u001b[?25l\ra\u001b[K\nb\u001b[K\nc\u001b[K\n\u001b[J\u001b[?2026l',
      '\u001b[?2026h\r\u001b[3Ae\u001b[K\n\u001b[J\u001b[?2026l',
      '\u001b[?25h',
    ])
  })
})

test('a live picture takes a terminal that does not tell its size for 80 by 24', () => {
  const screen = new LiveScreen({ write: () => true })
  expect([screen.width, screen.height]).toEqual([79, 23])
})

test('a live picture gives the cursor back when the process ends meanwhile', () => {
  const others = process.listeners('exit')
  const written: string[] = []
  const screen = new LiveScreen({ write: (text) => written.push(text) })
  screen.draw(['a'])
  for (const listener of process.listeners('exit').filter((one) => !others.includes(one))) listener(0)
  expect(written.at(-1)).toBe('\u001b[?25h')
})

describe('the progress of a replay', () => {
  const told = (stream: { isTTY?: boolean }, ...steps: number[]): string => {
    const clock = new VirtualClock()
    let text = ''
    const progress = new ReplayProgress(clock, { ...stream, write: (piece) => (text += piece) })
    for (const step of steps) {
      clock.advance(step)
      progress.show(1234)
    }
    progress.clear()
    return text
  }

  test('is told after two seconds, a few times a second, and then taken away', () => {
    const line = '\rreplaying: 1,234 records '
    expect(told({ isTTY: true }, 1999)).toBe('')
    expect(told({ isTTY: true }, 2000, 100, 100)).toBe(`${line}${line}\r\u001b[K`)
  })
  test('is told to terminals only', () => {
    expect(told({}, 2000)).toBe('')
  })
})

describe('the report of a difference', () => {
  const style = styleFor({}, {})
  const difference = { line: 9, service: 'search', what: 'it differs', trail: [] }

  test('of many fields shows those that differ, and counts the rest', () => {
    const many = (last: number) => ({ deep: { list: [...Array.from({ length: 40 }, (_, i) => i), last] } })
    const text = differenceReport({ ...difference, recorded: many(1), replayed: many(2) }, style)
    expect(text).toMatch(/^≠ deep\.list\.40 +1 +2$/m)
    expect(text).toContain('and 40 fields that are equal')
    expect(text).not.toContain('deep.list.39')
  })

  test('of very many says how many more there are', () => {
    const side = (by: number) => Array.from({ length: 50 }, (_, i) => i + by)
    const text = differenceReport({ ...difference, recorded: side(0), replayed: side(1) }, style)
    expect(text.match(/^≠/gm)).toHaveLength(40)
    expect(text).toContain('and 10 more that differ')
  })

  test('shows single values, empty ones and long ones', () => {
    const text = differenceReport({ ...difference, recorded: 'closed.watching', replayed: { a: [], b: 'x'.repeat(60) } }, style)
    expect(text).toMatch(/^≠ value +closed\.watching +–$/m)
    expect(text).toMatch(/^≠ a +– +\[\]$/m)
    expect(text).toMatch(/^≠ b +– +x{47}…$/m)
  })
})

describe('the inputs before a difference', () => {
  const style = styleFor({}, {})
  const trail = [{ line: 5, record: { type: 'timer', at: 1000, service: 'search', id: 'cooled' } as const }]
  const told = (recorded: unknown, replayed: unknown): string =>
    differenceReport({ line: 9, service: 'search', what: 'it differs', recorded, replayed, trail }, style)

  test('are timed from the recording, or from the replay, or from the last of them', () => {
    expect(told({ at: 3000 }, { at: 4000 })).toContain('line 5     -2.000 s  timer cooled')
    expect(told(undefined, { at: 4000 })).toContain('line 5     -3.000 s  timer cooled')
    expect(told({ at: 'then' }, null)).toContain('line 5      0.000 s  timer cooled')
  })

  test('come with moments as dates, and what is nothing told apart from what is empty', () => {
    const text = told({ at: 1_700_000_000_000, gone: null, empty: {}, unset: undefined }, { at: 1_700_000_000_001 })
    expect(text).toMatch(/^≠ at +2023-11-14T22:13:20\.000Z +2023-11-14T22:13:20\.001Z$/m)
    expect(text).toMatch(/^≠ gone +null +–$/m)
    expect(text).toMatch(/^≠ empty +\{\} +–$/m)
    expect(text).not.toContain('unset')
    expect(told({}, { a: 1 })).toMatch(/^≠ a +– +1$/m)
  })
})

const at = { at: 0, service: 'search' } as const
const COMMAND = { name: 'beginMaintenance', by: 'jane', why: 'moving', until: 5 } as const
const DIRECTIVE = { epoch: 1, level: 1, admissionRatio: 1, hold: false, expiresAt: 9, rule: 'cascade', reason: 'r' } as const
test.each<[GearEvent, string]>([
  [{ ...at, type: 'outcome', result: 'rejected', latency: 0, generation: 1, state: 'open' }, 'rejected in open'],
  [
    {
      ...at,
      type: 'outcome',
      result: 'failure',
      latency: 1.5,
      generation: 1,
      failure: 'rate_limit',
      status: 429,
      retryAfterMs: 9,
      probe: 2,
    },
    'failure rate_limit 429 in 1.5 ms (come back in 9 ms) of probe 2 of generation 1',
  ],
  [{ ...at, type: 'admission', generation: 1, probe: 3 }, 'admitted as probe 3'],
  [
    { ...at, type: 'admission', generation: 1, exemption: 'emergency_override', by: 'jane' },
    'admitted by emergency_override of jane',
  ],
  [{ ...at, type: 'outcome', result: 'success', latency: 2, generation: 0 }, 'success in 2 ms of generation 0'],
  [{ ...at, type: 'outcome', result: 'rejected', latency: 0, generation: 1 }, 'rejected'],
  [{ ...at, type: 'admission', generation: 1 }, 'admitted'],
  [{ ...at, type: 'admission', generation: 1, exemption: 'health_probe' }, 'admitted by health_probe'],
  [{ ...at, type: 'signal', signal: { kind: 'budgetCleared' } }, 'signal budgetCleared'],
  [{ ...at, type: 'signal', signal: { kind: 'health', level: 1, reason: 'slow' } }, 'signal health (level 1, reason slow)'],
  [{ ...at, type: 'command', command: COMMAND }, 'command beginMaintenance by jane: moving (until 5)'],
  [{ ...at, type: 'directive', directive: DIRECTIVE }, expect.stringMatching(/^directive of cascade \(epoch 1, level 1, /)],
  [{ ...at, type: 'timer', id: 'cooled' }, 'timer cooled'],
  [{ ...at, type: 'config', change: 'removed' }, 'removed'],
  [
    { ...at, type: 'transition', from: 'closed.watching', to: 'open.cooling', generation: 1, reason: 'x' },
    'closed.watching → open.cooling (x)',
  ],
  [{ ...at, type: 'alert', level: 'critical', code: 'c', message: 'the quota is gone' }, 'critical: the quota is gone'],
])('%j in words', (event, words) => {
  expect(eventWords(event)).toEqual(words)
})

test('an error is told in one line', () => {
  expect(inOneLine(new Error('several\n  lines\n'))).toBe('several lines')
  expect(inOneLine('a word')).toBe('a word')
})
