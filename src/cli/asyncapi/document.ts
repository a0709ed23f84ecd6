// The contract of the fleet's bus as an AsyncAPI 3.0 document (https://www.asyncapi.com/docs/reference/specification/v3.0.0): what
// travels on which subject, with the schemas that the readers themselves use.
import type { z } from 'zod'
import { entrySchemas } from '../../model/fleet/entrySchemas.ts'
import { rejectionSchema } from '../../model/fleet/rejection.ts'
import { TABLE_SUBJECTS, type TableName } from '../../model/fleet/subjects.ts'
import { WIRE_TYPES } from '../../model/fleet/wire.ts'
import { MAX_BATCH } from '../../model/fleet/wireFields.ts'
import { wireSchemas } from '../../model/fleet/wireSchemas.ts'
import { EXAMPLES } from './examples.ts'
import { type JsonSchema, payloadSchema } from './payloadSchema.ts'
import { SUMMARIES } from './summaries.ts'

/** Of the wire format, not of the package: fields may be added under the same number. */
const VERSION = '1.0.0'

interface Channel {
  readonly name: string
  readonly address: string
  readonly parameters: readonly string[]
  readonly schema: z.ZodType
  /** Several may travel as one list, and what the subject says may be left out. */
  readonly isMessage: boolean
  readonly actions: readonly ('send' | 'receive')[]
}

export function asyncapiDocument(): object {
  const channels = [...messageChannels(), ...tableChannels(), rejections()]
  return {
    asyncapi: '3.0.0',
    info: {
      title: "Switchgear: the fleet's bus",
      version: VERSION,
      description:
        'What processes of a fleet tell one another over NATS, and what any other program may tell them or hear from them. The application of this document is Switchgear itself: what it receives, others send.',
      license: { name: 'MIT' },
    },
    defaultContentType: 'application/json',
    servers: { local: { host: '127.0.0.1:4222', protocol: 'nats', description: 'A nats-server, 2.9 or later, with JetStream.' } },
    channels: Object.fromEntries(channels.map((channel) => [channel.name, channelObject(channel)])),
    operations: Object.fromEntries(channels.flatMap(operationObjects)),
    components: {
      messages: Object.fromEntries(channels.map((channel) => [channel.name, messageObject(channel)])),
      schemas: Object.fromEntries(channels.map(({ name, schema, isMessage }) => [name, payloadSchema(schema, isMessage)])),
      parameters: PARAMETERS,
    },
  }
}

const PARAMETERS = {
  fleet: { description: 'The fleet: 1 to 64 letters, digits, _ and -.' },
  service: { description: 'The service: 1 to 64 letters, digits, _ and -. `_all` stands for the whole system.' },
  node: { description: 'Who sends: 1 to 64 letters, digits, _ and -, and no other sender of the fleet has the name.' },
}

function messageChannels(): Channel[] {
  return WIRE_TYPES.map((type) => ({
    name: type,
    address: `sg.v1.{fleet}.${type}.{service}.{node}`,
    parameters: ['fleet', 'service', 'node'],
    schema: wireSchemas[type],
    isMessage: true,
    actions: ['receive', 'send'],
  }))
}

function tableChannels(): Channel[] {
  return (Object.keys(TABLE_SUBJECTS) as TableName[]).map((table) => {
    const parameter = table === 'directives' ? 'service' : 'node'
    return {
      name: TABLE_SUBJECTS[table],
      address: `sg.v1.{fleet}.${TABLE_SUBJECTS[table]}.{${parameter}}`,
      parameters: ['fleet', parameter],
      schema: entrySchemas[table],
      isMessage: false,
      actions: ['send'],
    }
  })
}

function rejections(): Channel {
  const address = 'sg.v1.{fleet}.rejected'
  return { name: 'rejected', address, parameters: ['fleet'], schema: rejectionSchema, isMessage: false, actions: ['send'] }
}

function channelObject({ name, address, parameters }: Channel): object {
  return {
    address,
    description: SUMMARIES[name],
    messages: { [name]: { $ref: `#/components/messages/${name}` } },
    parameters: Object.fromEntries(parameters.map((parameter) => [parameter, { $ref: `#/components/parameters/${parameter}` }])),
  }
}

function operationObjects({ name, actions }: Channel): [string, object][] {
  return actions.map((action) => [
    `${action}${name.charAt(0).toUpperCase()}${name.slice(1)}`,
    { action, channel: { $ref: `#/channels/${name}` }, messages: [{ $ref: `#/channels/${name}/messages/${name}` }] },
  ])
}

function messageObject({ name, isMessage }: Channel): object {
  const one: JsonSchema = { $ref: `#/components/schemas/${name}` }
  const list: JsonSchema = { type: 'array', maxItems: MAX_BATCH, items: one }
  return {
    name,
    summary: SUMMARIES[name],
    contentType: 'application/json',
    payload: isMessage ? { oneOf: [one, list] } : one,
    examples: (EXAMPLES[name] ?? []).map((payload) => ({ payload })),
  }
}
