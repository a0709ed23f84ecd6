// The journals that are kept: they must replay for ever, down to the number of inputs and transitions. See the README beside them.
import { readdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { replayJournal } from '../../src/replay/replayJournal.ts'

const directory = new URL('../fixtures/journals/', import.meta.url)

const EXPECTED: ReadonlyMap<string, { readonly inputs: number; readonly transitions: number; readonly sessions: number }> =
  new Map([
    ['outage', { inputs: 232, transitions: 24, sessions: 1 }],
    ['limits', { inputs: 169, transitions: 16, sessions: 1 }],
    ['restart', { inputs: 96, transitions: 5, sessions: 3 }],
    ['keyed', { inputs: 139, transitions: 30, sessions: 1 }],
  ])

describe('the kept journals', () => {
  it.each([...EXPECTED])('%s replays without a difference', async (name, expected) => {
    const { inputs, transitions, sessions, differences, first } = await replayJournal(
      fileURLToPath(new URL(`${name}.jsonl`, directory)),
    )
    expect(first).toBeUndefined()
    expect({ inputs, transitions, sessions, differences }).toEqual({ ...expected, differences: 0 })
  })

  it('are all named here', async () => {
    const files = (await readdir(directory)).filter((name) => name.endsWith('.jsonl'))
    expect(files.sort()).toEqual([...EXPECTED.keys()].map((name) => `${name}.jsonl`).sort())
  })
})
