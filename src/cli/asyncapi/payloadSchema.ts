// A schema of ours as JSON Schema draft 7, which is what AsyncAPI takes without more ado.
import { z } from 'zod'

export type JsonSchema = Readonly<Record<string, unknown>>

/** What a message may leave out, because its subject says it, or the reader's clock. */
const SAID_ELSEWHERE: ReadonlySet<unknown> = new Set(['v', 'type', 'service', 'node', 'at'])

export function payloadSchema(schema: z.ZodType, isMessage: boolean): JsonSchema {
  const { $schema: _, ...made } = z.toJSONSchema(schema, {
    target: 'draft-7',
    io: 'input',
    override: ({ jsonSchema }) => inWords(jsonSchema),
  })
  if (!isMessage || made.required === undefined) return made
  return { ...made, required: made.required.filter((name) => !SAID_ELSEWHERE.has(name)) }
}

/** Our own notes (see schemaNode.ts) are no part of JSON Schema: the unit goes into the description. */
function inWords(node: Record<string, unknown>): void {
  const { unit, description } = node
  for (const note of ['unit', 'allowed', 'names', 'secret']) delete node[note]
  if (typeof unit !== 'string') return
  node.description = typeof description === 'string' ? `${description} In ${unit}.` : `In ${unit}.`
}
