// How good an answer of LightRAG is, 0–1, told from the answer itself: is there one, and what does it rest on. Read by its
// profile; the mean of the last answers is held against the service's `qualityFloor`.
import { readField } from '../foreignValue.ts'
import type { CallRequest } from '../serviceProfile.ts'
import type { LightragAnswer } from './lightragAnswer.ts'

/** What the parts of the score weigh; a part that nobody states is left out, and the others make up the whole. */
const WEIGHTS = { answered: 0.5, grounded: 0.3, distinct: 0.2 } as const

/**
 * - `answered` 1: there is an answer. Without one the score is 0, whatever else there is.
 * - `grounded` 1: at least one reference names its source, 0: none does.
 * - `distinct`: the share of the references that name a source no other one names.
 *
 * Undefined where nothing was to be retrieved or answered: `bypass`, `only_need_context`, `only_need_prompt`. Where the request
 * is not known, an answer the model did not write, or one with an empty list of references, might be one of these.
 */
export function retrievalQuality(answer: LightragAnswer, request: CallRequest | undefined): number | undefined {
  if (request && asksForLess(request.body)) return undefined
  const { answered, generated, references } = answer
  if (!answered) return 0
  if (generated === false) return request ? 0 : undefined
  if (references === undefined || (references.count === 0 && request === undefined)) return 1
  const { count, distinct } = references
  if (distinct === 0) return WEIGHTS.answered
  return WEIGHTS.answered + WEIGHTS.grounded + WEIGHTS.distinct * (distinct / count)
}

function asksForLess(body: unknown): boolean {
  if (readField(body, 'mode') === 'bypass') return true
  return readField(body, 'only_need_context') === true || readField(body, 'only_need_prompt') === true
}
