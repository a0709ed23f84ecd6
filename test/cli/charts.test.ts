// Statecharts as plain data, and what is written about them, for machines of every make: XState allows more than ours use.
import { describe, expect, test } from 'vitest'
import { createMachine, fromPromise } from 'xstate'
import { chartOf } from '../../src/cli/diagrams/chart.ts'
import { mermaidOf } from '../../src/cli/diagrams/mermaid.ts'
import { tablesOf } from '../../src/cli/diagrams/transitionsTable.ts'

const job = createMachine({
  id: 'job',
  initial: 'waiting',
  states: {
    waiting: {
      after: { 500: 'working', patience: 'done' },
      on: {
        skip: { target: 'done', guard: () => true },
        named: { target: 'done', guard: function isLate() {} as never },
        bare: { target: 'done', guard: { type: 'isReady' } },
        full: { target: 'done', guard: { type: 'isAbove', params: { least: 3 } } },
        note: { actions: ['write', { type: 'tell' }, () => undefined] },
      },
    },
    working: {
      type: 'parallel',
      states: { left: {}, right: { initial: 'one', states: { one: { always: 'two' }, two: {} } } },
      invoke: { id: 'fetch', src: fromPromise(async () => 1), onDone: 'done', onError: 'waiting' },
    },
    done: { type: 'final', description: 'over | and out' },
  },
})

describe('the chart of a machine', () => {
  const { transitions, root } = chartOf('job', job)
  const on = (event: string) => transitions.find((transition) => transition.event === event)

  test('tells delays, ends and errors in the words of its source', () => {
    const events = transitions.map(({ event }) => event)
    for (const words of ['after 500 ms', 'after patience', 'always', 'done: fetch', 'error: fetch'])
      expect(events).toContain(words)
  })

  test('names guards and actions as well as it can', () => {
    expect(on('skip')?.guard).toEqual({ name: 'guard', params: {} })
    expect(on('named')?.guard).toEqual({ name: 'isLate', params: {} })
    expect(on('bare')?.guard).toEqual({ name: 'isReady', params: {} })
    expect(on('full')?.guard).toEqual({ name: 'isAbove', params: { least: 3 } })
    expect(on('note')).toMatchObject({ target: undefined, actions: ['write', 'tell'] })
  })

  test('knows which state begins, and the kinds', () => {
    expect(root.initial).toBe('waiting')
    expect(root.states.map(({ name, kind }) => `${name} ${kind}`)).toEqual(['waiting atomic', 'working parallel', 'done final'])
  })
})

test('Mermaid divides what is parallel, ends what is final, and draws a machine without states', () => {
  const text = mermaidOf(chartOf('job', job))
  expect(text).toMatch(/^ *--$/m)
  expect(text).toMatch(/done --> \[\*\]/)
  expect(mermaidOf(chartOf('bare', createMachine({ id: 'bare' })))).toMatch(/^ +bare$/m)
})

test('a table says of a final state that it is never left, and escapes what would end a cell', () => {
  const tables = tablesOf(chartOf('job', job), {})
  expect(tables).toContain('### `done`\n\nover | and out\n\nIt is never left.')
  expect(tables).toContain('| `working.right.one` | `always` | `working.right.two` |  |')
  const stuck = createMachine({ initial: 'a', states: { a: {}, b: {} }, on: { reset: '.b' } })
  expect(tablesOf(chartOf('stuck', stuck), {})).toContain('### `a`\n\nLeft only by what may come in any state, below.')
})
