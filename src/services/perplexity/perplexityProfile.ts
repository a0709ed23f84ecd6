// The profile of Perplexity: the Agent API (`POST /v1/agent`, `/v1/responses`), the Search API, and the retired Sonar chat
// completions. What its answers used, cost and are worth, which of its errors are about money, at what rate its plan may be
// called, and what it is asked less of when it is degraded (docs/services/perplexity.md).
import { CallRejectedError } from '../../model/errors.ts'
import type { Classification } from '../../model/failures.ts'
import type { Measurement, TokenUsage } from '../../model/measurement.ts'
import type { ServiceSettings } from '../../model/settings.ts'
import type { Signal } from '../../model/signals.ts'
import { isObject, readField } from '../foreignValue.ts'
import { httpProfile } from '../http/httpProfile.ts'
import { PriceBook } from '../openai/priceBook.ts'
import type { CallRequest, ServiceProfile } from '../serviceProfile.ts'
import { type PerplexityAnswer, readAnswer } from './perplexityAnswer.ts'
import { classifyPerplexityError, failedRun, inPerplexitysTerms } from './perplexityFailure.ts'
import { perplexityLadder } from './perplexityLadder.ts'
import { answerQuality } from './perplexityQuality.ts'
import { askedOf, readPerplexityRequest } from './perplexityRequest.ts'
import { PerplexityStream } from './perplexityStream.ts'
import { TierPacing } from './tierPacing.ts'

/** Perplexity states what a call cost; only the user's own prices stand in where it does not. */
const NO_PRICES = { unknown: { input: 0 }, longContext: { above: 0, input: 1, output: 1 }, tiers: {}, models: {} }

export function perplexityProfile(settings: Pick<ServiceSettings, 'requestsPerMinute' | 'prices'>): ServiceProfile {
  const http = httpProfile('perplexity')
  const { requestsPerMinute, prices } = settings
  const pacing = requestsPerMinute === undefined ? undefined : new TierPacing(requestsPerMinute)
  const book = new PriceBook(
    () => NO_PRICES,
    prices,
    () => undefined,
  )

  function priced(model: string | undefined, usage: TokenUsage | undefined): number | undefined {
    if (model === undefined || usage === undefined) return undefined
    const price = book.find(model)
    return price.found === 'listed' ? book.cost(price, usage) : undefined
  }

  function measured(answer: PerplexityAnswer, request: CallRequest | undefined): Measurement {
    const { model, usage } = answer
    const cost = answer.cost ?? priced(model, usage)
    const quality = answerQuality(answer, askedOf(request?.body))
    return {
      ...(model !== undefined && { model }),
      ...(request?.operation !== undefined && { operation: request.operation }),
      ...(usage !== undefined && { usage }),
      ...(cost !== undefined && { cost }),
      ...(quality !== undefined && { quality }),
    }
  }

  return {
    ...http,
    kind: 'perplexity',
    classifyError: (error, at) => inPerplexitysTerms(http.classifyError(error, at), error),
    classifyResult(value, at) {
      const said = http.classifyResult?.(value, at)
      return said === undefined ? failureIn(bodyOf(value), at) : inPerplexitysTerms(said, value)
    },
    readSignals(from, at) {
      const stated: readonly Signal[] = http.readSignals?.(from, at) ?? []
      // Where another breaker refused, nobody was called.
      const paced = from instanceof CallRejectedError ? undefined : pacing?.answered(at)
      return paced === undefined ? stated : [...stated, paced]
    },
    readRequest: readPerplexityRequest,
    measure(value, request) {
      const answer = readAnswer(bodyOf(value))
      return answer && measured(answer, request)
    },
    readStream(contentType, request) {
      if (!/^\s*text\/event-stream\s*(?:;|$)/i.test(contentType)) return undefined
      return new PerplexityStream((answer) => measured(answer, request))
    },
    ladder: perplexityLadder,
  }
}

/** A body with a status of success that tells of a failure: a run that failed, or nothing but an error. */
function failureIn(body: unknown, at: number): Classification | undefined {
  const failed = failedRun(body, at)
  if (failed !== undefined) return failed
  const error = readField(body, 'error')
  const bare = isObject(error) && ['output', 'choices', 'results', 'object'].every((key) => readField(body, key) === undefined)
  return bare && typeof readField(error, 'message') === 'string' ? classifyPerplexityError(error, at) : undefined
}

/** The body of an answer as axios and its like hand it out, or the value itself. */
function bodyOf(value: unknown): unknown {
  const data = readField(value, 'data')
  return isObject(data) && typeof readField(value, 'status') === 'number' ? data : value
}
