// A message as somebody wrote it, made complete and checked as every reader will check it.
import { readMessages } from '../../model/fleet/readMessages.ts'
import { isBusName, isBusService, isWireType, messageSubject } from '../../model/fleet/subjects.ts'
import { WIRE_TYPES, type WireMessage } from '../../model/fleet/wire.ts'

/** Whose it is, where it does not say so itself. */
export interface Draft {
  readonly fleet: string
  readonly node: string
  readonly service: string | undefined
  /** Ids are made of it, so that what is sent twice is heard once. */
  readonly session: string
}

/** The message that `text` is, sent `at` (epoch ms) as the `number`th, or why it is none. */
export function messageOf(
  text: string,
  draft: Draft,
  at: number,
  number: number,
): { readonly message: WireMessage } | { readonly reason: string } {
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch {
    return { reason: 'it is no JSON' }
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return { reason: 'it is no JSON object' }
  const { type = 'outcome', service = draft.service, node = draft.node, ...rest } = body as Readonly<Record<string, unknown>>
  if (typeof type !== 'string' || !isWireType(type)) return { reason: `type: allowed: ${WIRE_TYPES.join(', ')}` }
  if (!isBusService(service)) return { reason: 'service: it names none; name one in the line, or for all lines' }
  if (!isBusName(node)) return { reason: 'node: allowed: 1 to 64 letters, digits, _ and -' }
  const subject = messageSubject({ fleet: draft.fleet, type, service, node })
  const whole = { id: `${draft.session}-${number}`, at: Math.round(at), ...rest }
  const { messages, problems } = readMessages(subject, new TextEncoder().encode(JSON.stringify(whole)), at)
  const [message] = messages
  return message === undefined ? { reason: problems[0]?.reason ?? 'it cannot be read' } : { message }
}
