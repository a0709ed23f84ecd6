// Reads what came to a subject of the bus: anybody may have sent anything. Never throws, and takes no longer than the size it allows.
import { describeValue } from '../describeValue.ts'
import { outcomeOf } from './outcomeCheck.ts'
import { type MessageAddress, parseMessageSubject } from './subjects.ts'
import type { WireMessage } from './wire.ts'
import { MAX_BATCH, MAX_BODY } from './wireFields.ts'
import { LONGEST_REASON, LONGEST_SUBJECT, printable, reasonOf } from './wireReason.ts'
import { schemaFor } from './wireSchemas.ts'

export interface ReadMessages {
  readonly messages: readonly WireMessage[]
  /** What was refused, {@link EXPLAINED} at most of one body. */
  readonly problems: readonly WireProblem[]
  /** How many messages were refused; a body that is none counts as one. */
  readonly rejected: number
}

export interface WireProblem {
  readonly subject: string
  /** Of the batch, the message it is about; undefined: the body as a whole. */
  readonly index?: number
  /** What is wrong, where, and what is allowed. */
  readonly reason: string
}

/** A thousand problems are no clearer than a few, and explaining them takes time. */
export const EXPLAINED = 8

const utf8 = new TextDecoder()

/**
 * The messages in `bytes`, each complete and none with more than its type has. `now` (epoch ms) stands in where a message does not say
 * when it was sent. A message that is wrong takes none of its batch with it.
 */
export function readMessages(subject: string, bytes: Uint8Array, now: number): ReadMessages {
  const address = addressOf(subject)
  if (address === undefined) return refused(subject, `the subject: got ${describeValue(subject)}; allowed: ${SUBJECTS}`)
  if (bytes.length > MAX_BODY) return refused(subject, `the body: got ${bytes.length} bytes; allowed: at most ${MAX_BODY} bytes`)
  let body: unknown
  try {
    body = JSON.parse(utf8.decode(bytes))
  } catch (error) {
    return refused(subject, `the body is no JSON: ${(error as SyntaxError).message}`)
  }
  if (!Array.isArray(body)) return readBatch(subject, address, [body], now, false)
  if (body.length <= MAX_BATCH) return readBatch(subject, address, body, now, true)
  return refused(subject, `the body: got a list of ${body.length} messages; allowed: at most ${MAX_BATCH}`)
}

const SUBJECTS = 'sg.v1.{fleet}.{type}.{service}.{node}'

function readBatch(
  subject: string,
  address: MessageAddress,
  bodies: readonly unknown[],
  now: number,
  isBatch: boolean,
): ReadMessages {
  const messages: WireMessage[] = []
  const problems: WireProblem[] = []
  let rejected = 0
  for (let index = 0; index < bodies.length; index++) {
    const message = read(bodies[index], address, now, rejected < EXPLAINED)
    if (typeof message === 'object') {
      messages.push(message)
      continue
    }
    rejected++
    if (rejected <= EXPLAINED) problems.push(problem(subject, message, isBatch ? index : undefined))
  }
  return { messages, problems, rejected }
}

/** The message, or what is wrong with it (an empty text where nobody asks). */
function read(body: unknown, address: MessageAddress, now: number, explain: boolean): WireMessage | string {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    return `the message: got ${describeValue(body)}; allowed: an object`
  }
  if (address.type === 'outcome') {
    const outcome = outcomeOf(body, address, now)
    if (outcome !== undefined) return outcome
    if (!explain) return ''
  }
  return readBySchema(body, address, now, explain)
}

function readBySchema(body: object, address: MessageAddress, now: number, explain: boolean): WireMessage | string {
  const { type, service, node } = address
  const forged = disagreement(body, address)
  if (forged !== undefined) return forged
  const at = 'at' in body ? body.at : now
  const whole = { ...body, v: 1, type, service, node, at: typeof at === 'number' ? Math.round(at) : at }
  const schema = schemaFor(type, service)
  const { success, data } = schema.safeParse(whole)
  if (success) return data
  if (!explain) return ''
  return reasonOf(schema, whole)
}

/** Nobody speaks for another: where the body says what the subject says, it must say the same. */
function disagreement(body: object, address: MessageAddress): string | undefined {
  for (const [name, said] of [['v', 1] as const, ...Object.entries(address)]) {
    const got = Object.hasOwn(body, name) ? (body as Readonly<Record<string, unknown>>)[name] : undefined
    if (got === undefined || got === said) continue
    const why = name === 'v' ? 'the version that is spoken here' : 'as in the subject, or nothing'
    return `${name}: got ${describeValue(got)}; allowed: ${describeValue(said)}, ${why}`
  }
  return undefined
}

/** Subjects recur by the thousand; the store starts over when it is full. */
const known = new Map<string, MessageAddress>()

function addressOf(subject: string): MessageAddress | undefined {
  const before = known.get(subject)
  if (before !== undefined) return before
  const address = parseMessageSubject(subject)
  if (address === undefined) return undefined
  if (known.size >= 4096) known.clear()
  known.set(subject, address)
  return address
}

function refused(subject: string, reason: string): ReadMessages {
  return { messages: [], problems: [problem(subject, reason, undefined)], rejected: 1 }
}

function problem(subject: string, reason: string, index: number | undefined): WireProblem {
  const told = { subject: printable(subject, LONGEST_SUBJECT), reason: printable(reason, LONGEST_REASON) }
  return index === undefined ? told : { ...told, index }
}
