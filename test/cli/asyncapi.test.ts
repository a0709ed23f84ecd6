// The AsyncAPI document of the bus: of the right shape, in step with the schemas, its examples such as the readers take.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { EXAMPLES } from '../../src/cli/asyncapi/examples.ts'
import { asyncapiYaml } from '../../src/cli/asyncapi/writeAsyncapi.ts'
import { readEntry } from '../../src/model/fleet/readEntry.ts'
import { readMessages } from '../../src/model/fleet/readMessages.ts'
import { readRejection } from '../../src/model/fleet/rejection.ts'
import { isWireType, TABLE_SUBJECTS, type TableName } from '../../src/model/fleet/subjects.ts'
import { WIRE_TYPES } from '../../src/model/fleet/wire.ts'
import { runHere } from './runHere.ts'

interface Reference {
  readonly $ref: string
}
interface Document {
  readonly [key: string]: unknown
  readonly channels: Readonly<
    Record<string, { address: string; messages: Record<string, Reference>; parameters: Record<string, Reference> }>
  >
  readonly operations: Readonly<Record<string, { action: string; channel: Reference; messages: readonly Reference[] }>>
  readonly components: {
    readonly messages: Readonly<Record<string, { payload: object; examples: readonly { payload: object }[] }>>
    readonly schemas: Readonly<Record<string, { required?: string[]; properties: Record<string, { description?: string }> }>>
  }
}

const document: Document = parse(asyncapiYaml())
const NAMES = [...WIRE_TYPES, 'directive', 'node', 'ledger', 'rejected']

describe('the document', () => {
  test('is the one in docs/', async () => {
    expect(await readFile(new URL('../../docs/asyncapi.yaml', import.meta.url), 'utf8')).toBe(asyncapiYaml())
  })

  test('has what AsyncAPI 3.0 asks for, and no other fields', () => {
    expect(Object.keys(document)).toEqual([
      ...['asyncapi', 'info', 'defaultContentType', 'servers', 'channels', 'operations', 'components'],
    ])
    expect(document.asyncapi).toBe('3.0.0')
    expect(document.info).toMatchObject({ title: expect.any(String), version: expect.stringMatching(/^\d+\.\d+\.\d+$/) })
    for (const server of Object.values(document.servers as object)) {
      expect(server).toMatchObject({ host: expect.any(String), protocol: 'nats' })
    }
    for (const message of Object.values(document.components.messages)) {
      expect(Object.keys(message).sort()).toEqual(['contentType', 'examples', 'name', 'payload', 'summary'])
    }
  })

  test('names in each channel the parameters of its address', () => {
    expect(Object.keys(document.channels).sort()).toEqual(NAMES.toSorted())
    for (const [name, { address, messages, parameters }] of Object.entries(document.channels)) {
      const inAddress = [...address.matchAll(/\{(\w+)\}/g)].map((found) => found[1])
      expect(Object.keys(parameters), name).toEqual(inAddress)
      expect(Object.keys(messages)).toEqual([name])
    }
    expect(document.channels.outcome?.address).toBe('sg.v1.{fleet}.outcome.{service}.{node}')
  })

  test('has operations that send or receive the messages of their channel', () => {
    for (const { action, channel, messages } of Object.values(document.operations)) {
      expect(['send', 'receive']).toContain(action)
      const of = channel.$ref.replace('#/channels/', '')
      expect(messages).toEqual([{ $ref: `#/channels/${of}/messages/${of}` }])
    }
    expect(Object.keys(document.operations)).toEqual(expect.arrayContaining(['receiveOutcome', 'sendDirective']))
  })

  test('refers to nothing that is not there', () => {
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map((found) => found[1] as string)
    expect(references.length).toBeGreaterThan(50)
    for (const reference of references) {
      const found = reference
        .replace('#/', '')
        .split('/')
        .reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], document)
      expect(found, reference).toBeDefined()
    }
  })

  test('asks of a message what its subject does not say, and tells units in words', () => {
    const { outcome, directive } = document.components.schemas
    expect(outcome?.required).toEqual(['result', 'latency'])
    expect(outcome?.properties.latency?.description).toBe('How long the call took; of several calls the mean. In ms.')
    expect(directive?.required).toEqual(expect.arrayContaining(['v', 'service', 'at', 'lifetime']))
    expect(JSON.stringify(document)).not.toMatch(/"(unit|allowed|\$schema)":/)
  })

  test.each(NAMES)('shows examples of %s that the reader takes', (name) => {
    const payloads = document.components.messages[name]?.examples.map(({ payload }) => payload) ?? []
    expect(payloads).toEqual(EXAMPLES[name])
    expect(payloads.length).toBeGreaterThan(0)
    for (const payload of payloads) expect(problemOf(name, payload)).toBeUndefined()
  })
})

describe('the command', () => {
  test('writes it, finds it well, and finds it stale with the way to mend it', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'switchgear-asyncapi-'))
    const out = join(directory, 'docs', 'bus.yaml')
    try {
      expect(await runHere('asyncapi', '--out', out, '--check')).toMatchObject({ code: 1, stdout: '' })
      expect(await runHere('asyncapi', '--out', out)).toEqual({ code: 0, stdout: `${out} written\n`, stderr: '' })
      expect((await runHere('asyncapi', '--out', out, '--check')).stdout).toBe(`${out} tells the messages as they are\n`)
      await writeFile(out, 'stale')
      const stale = await runHere('asyncapi', '--out', out, '--check')
      expect(stale).toMatchObject({ code: 1, stderr: expect.stringContaining(`To mend: switchgear asyncapi --out ${out}`) })
      expect(JSON.parse((await runHere('asyncapi', '--out', out, '--check', '--json')).stdout)).toEqual({
        file: out,
        stale: true,
      })
      expect((await runHere('asyncapi', '--out', directory)).code).toBe(1)
    } finally {
      await rm(directory, { recursive: true })
    }
  })
})

function problemOf(name: string, payload: object): unknown {
  const bytes = new TextEncoder().encode(JSON.stringify(payload))
  if (name === 'rejected') return readRejection(bytes) === undefined ? 'no rejection' : undefined
  if (isWireType(name)) return readMessages(`sg.v1.shop.${name}.openai.web-1`, bytes, 1_767_225_600_000).problems[0]
  const [table] = Object.entries(TABLE_SUBJECTS).find(([, word]) => word === name) as [TableName, string]
  return readEntry(table, table === 'directives' ? 'openai' : 'web-1', bytes).reason
}
