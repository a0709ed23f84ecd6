// What a call is expected to cost where nothing is known of it: neither its caller nor its profile has said, and none like it
// has been priced. Round figures on the high side, for services whose answers are paid for; nobody else is charged a guess.
import { toNanos } from './money.ts'

/** How far each sort of estimate is to be trusted, 0–1; an estimate that is given brings its own. */
export const LEARNED_CONFIDENCE = 0.6
export const DEFAULT_CONFIDENCE = 0.3

/** Dollars by kind and operation; `''`: any other. A prompt of a thousand tokens and an answer as long comes to about that. */
const DOLLARS: ReadonlyMap<string, Readonly<Record<string, number>>> = new Map([
  ['openai', { '': 0.01, chat: 0.01, responses: 0.01, embeddings: 0.0001 }],
  ['perplexity', { '': 0.01, search: 0.005 }],
  ['embedding', { '': 0.0001 }],
])

/** Billionths of a dollar; undefined for kinds whose calls are not known to cost anything. */
export function defaultEstimate(kind: string, operation: string | undefined): number | undefined {
  const ofKind = DOLLARS.get(kind)
  if (ofKind === undefined) return undefined
  const own = operation !== undefined && Object.hasOwn(ofKind, operation) ? ofKind[operation] : ofKind['']
  return own === undefined ? undefined : toNanos(own)
}
