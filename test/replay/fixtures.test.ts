// The journals that are kept: they must replay for ever, down to the number of inputs and transitions. See the README beside them.
import { readFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { replayJournal } from '../../src/replay/replayJournal.ts'

const directory = new URL('../fixtures/journals/', import.meta.url)

const EXPECTED: Readonly<Record<string, { readonly inputs: number; readonly transitions: number; readonly sessions: number }>> =
  JSON.parse(readFileSync(new URL('expected.json', directory), 'utf8'))

describe('the kept journals', () => {
  it.each(Object.entries(EXPECTED))('%s replays without a difference', async (name, expected) => {
    const { inputs, transitions, sessions, differences, first } = await replayJournal(
      fileURLToPath(new URL(`${name}.jsonl`, directory)),
    )
    expect(first).toBeUndefined()
    expect({ inputs, transitions, sessions, differences }).toEqual({ ...expected, differences: 0 })
  })

  it('are all in the list of what they hold', async () => {
    const files = (await readdir(directory)).filter((name) => name.endsWith('.jsonl'))
    expect(files.sort()).toEqual(
      Object.keys(EXPECTED)
        .map((name) => `${name}.jsonl`)
        .sort(),
    )
  })
})
