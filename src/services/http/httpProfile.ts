// The generic profile of anything that speaks HTTP: judges thrown errors and returned responses alike, and reads the
// standard rate-limit headers. Kinds with knowledge of their own start from this one.
import type { Classification } from '../../model/failures.ts'
import type { Kind } from '../../model/policy.ts'
import type { Signal } from '../../model/signals.ts'
import { assessWindow } from '../assessWindow.ts'
import type { ServiceProfile } from '../serviceProfile.ts'
import { classifyThrown } from './classifyThrown.ts'
import { answerOf, headersOf, returnedAnswer } from './httpAnswer.ts'
import { classifyAnswer } from './httpStatus.ts'
import { readPacing } from './rateLimitHeaders.ts'

const NONE: readonly Signal[] = []

export function httpProfile(kind: Kind = 'http'): ServiceProfile {
  return {
    kind,
    classifyError: (error, at) => classifyThrown(error, at, { words: true }),
    classifyResult: classifyReturned,
    readSignals: readLimits,
    assess: assessWindow,
  }
}

/** A returned 503 is as much a failure as a thrown one: `fetch` throws only when there was no answer at all. */
function classifyReturned(value: unknown, at: number): Classification | undefined {
  const answer = returnedAnswer(value)
  return answer && classifyAnswer(answer, at)
}

/** A 429 or a `Retry-After` takes precedence over the limits stated beside it, and its classification carries the wait. */
function readLimits(from: unknown, at: number): readonly Signal[] {
  const header = headersOf(from)
  const pacing = header && readPacing(header, at)
  if (pacing === undefined || header?.('retry-after') !== undefined || answerOf(from)?.status === 429) return NONE
  return [pacing]
}
