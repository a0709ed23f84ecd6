// Whose word stands where two processes wrote one key of a table.
import { expect, test } from 'vitest'
import { prevails } from '../../../src/bus/nats/ownWord.ts'
import { directive, nodeEntry } from './natsLink.ts'

test.each([
  ['over that of a leader before it', 3, 2, true],
  ['over its own', 3, 3, true],
  ['not over that of a leader after it', 3, 4, false],
])("a leader's word stands %s", (_, own, epoch, stands) => {
  const bytes = Buffer.from(JSON.stringify(directive('search', { epoch })))
  const stored = { key: 'search', revision: 1, bytes }
  const rivals = {
    table: 'directives',
    name: 'search',
    own: directive('search', { epoch: own }),
    stored,
    entryBytes: 4096,
  } as const
  expect(prevails(rivals)).toBe(stands)
})

test("a process's word stands over its own, and not over that of another process of its name", () => {
  for (const [session, stands] of [['s', true] as const, ['t', false] as const]) {
    const bytes = Buffer.from(JSON.stringify(nodeEntry('a', { session })))
    const stored = { key: 'a', revision: 1, bytes }
    expect(prevails({ table: 'nodes', name: 'a', own: nodeEntry('a'), stored, entryBytes: 4096 })).toBe(stands)
  }
})

test("a node's word stands over a removal, a leader's does not, and neither over what nobody can read", () => {
  const node = { table: 'nodes', name: 'a', own: nodeEntry('a'), entryBytes: 4096 } as const
  const leader = { table: 'directives', name: 'search', own: directive('search'), entryBytes: 4096 } as const
  const removal = { key: 'a', revision: 1, bytes: undefined }
  expect(prevails({ ...node, stored: removal })).toBe(true)
  expect(prevails({ ...leader, stored: removal })).toBe(false)
  expect(prevails({ ...node, stored: { ...removal, bytes: Buffer.from('garbage') } })).toBe(false)
})
