// docs/wire-format.md: its examples are what the readers take, and what it tells to send is heard.
import { execFileSync } from 'node:child_process'
import { createConnection } from 'node:net'
import { connect } from '@nats-io/transport-node'
import { describe, expect, test } from 'vitest'
import { FAILURE_TYPES } from '../../src/model/failures.ts'
import { readEntry } from '../../src/model/fleet/readEntry.ts'
import { readMessages } from '../../src/model/fleet/readMessages.ts'
import { readRejection } from '../../src/model/fleet/rejection.ts'
import { bucketName, parseMessageSubject, parseTableSubject } from '../../src/model/fleet/subjects.ts'
import { WIRE_TYPES } from '../../src/model/fleet/wire.ts'
import { describeWithNats, natsServer } from '../fleet/natsServer.ts'
import { type CodeBlock, codeBlocks } from './codeBlocks.ts'

const blocks = codeBlocks().filter(({ place }) => place.startsWith('docs/wire-format.md'))
const examples = blocks.filter(({ language }) => language === 'json')
const page = blocks.map(({ code }) => code).join('\n')

describe('the page', () => {
  test.each(examples)('$place: an example that is read', ({ marks, code }) => {
    const [subject = ''] = marks
    expect(problemOf(subject, new TextEncoder().encode(code))).toBeUndefined()
  })

  test('shows every table and the messages that others may send', () => {
    const shown = examples.map(
      ({ marks: [subject = ''] }) => parseMessageSubject(subject)?.type ?? parseTableSubject(subject)?.table,
    )
    expect(shown).toEqual(expect.arrayContaining(['outcome', 'signal', 'command', 'directives', 'nodes', 'ledger']))
  })

  test('names every type, every failure and the buckets as they are', async () => {
    const { readFile } = await import('node:fs/promises')
    const text = await readFile(new URL('../../docs/wire-format.md', import.meta.url), 'utf8')
    for (const type of WIRE_TYPES) expect(text).toContain(`sg.v1.{fleet}.${type}.{service}.{node}`)
    for (const failure of FAILURE_TYPES) expect(text).toContain(`\`${failure}\``)
    for (const table of ['directives', 'nodes', 'ledger'] as const) expect(text).toContain(`\`${bucketName('shop', table)}\``)
  })

  test('tells programs in other languages to send what is read', () => {
    const bodies = [...page.matchAll(/(?:b'|\[\]byte\(`|worker-1 ')(\{.*?\})(?:'|`)/g)].map((found) => found[1] as string)
    expect(bodies.length).toBe(3)
    for (const body of bodies)
      expect(problemOf('sg.v1.shop.outcome.openai.worker-1', new TextEncoder().encode(body))).toBeUndefined()
  })
})

describeWithNats('a socket and nothing else', () => {
  test('reports an outcome, and the server confirms it', async () => {
    const server = await natsServer()
    const line = shellLine(blocks)
    const bytes = execFileSync('sh', ['-c', line.slice(0, line.indexOf(' | nc'))])
    const client = await connect({ servers: server.url })
    const heard = new Promise<{ subject: string; data: Uint8Array }>((resolve) => {
      client.subscribe('sg.v1.>', { callback: (_, message) => resolve(message) })
    })
    await client.flush()
    const answer = await new Promise<string>((resolve, reject) => {
      let text = ''
      const socket = createConnection(server.port, '127.0.0.1', () => socket.write(bytes))
      socket.once('error', reject)
      socket.on('data', (chunk) => {
        text += chunk
        if (text.includes('PONG') || text.includes('-ERR')) resolve(text)
      })
      socket.unref()
    })
    expect(answer).toMatch(/PONG\r\n$/)
    const { subject, data } = await heard
    expect(readMessages(subject, data, 1_767_225_600_000).messages).toMatchObject([
      { type: 'outcome', service: 'openai', node: 'worker-1', result: 'failure', failure: 'timeout', latency: 30_000 },
    ])
    await client.close()
  })
})

function shellLine(all: readonly CodeBlock[]): string {
  const found = all.find(({ code }) => code.includes('| nc'))
  if (found === undefined) throw new Error('docs/wire-format.md shows no raw socket')
  return found.code
}

function problemOf(subject: string, bytes: Uint8Array): unknown {
  if (subject.endsWith('.rejected')) return readRejection(bytes) === undefined ? 'no rejection' : undefined
  const place = parseTableSubject(subject)
  if (place !== undefined) return readEntry(place.table, place.key, bytes).reason
  return readMessages(subject, bytes, 1_767_225_600_000).problems[0]
}
