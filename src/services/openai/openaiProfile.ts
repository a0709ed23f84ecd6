// What is known of OpenAI, Azure OpenAI and servers that speak their API: errors by their codes, rate limits, tokens and their
// price, streams, and what to ask less of (docs/services/openai.md). Made once for each service, as it learns what calls use.
import type { Kind } from '../../model/kinds.ts'
import { resolveSettings, type ServiceSettings } from '../../model/settings.ts'
import type { Signal } from '../../model/signals.ts'
import { headersOf } from '../http/httpAnswer.ts'
import { httpProfile } from '../http/httpProfile.ts'
import { readRetryAfter } from '../http/retryAfter.ts'
import type { ServiceProfile, StreamEnd, StreamReader } from '../serviceProfile.ts'
import { classifyOpenaiError, classifyOpenaiResult } from './openaiErrors.ts'
import { openaiLadder } from './openaiLadder.ts'
import { OpenaiPacing, readOpenaiLimits } from './openaiRateLimits.ts'
import { estimateOpenai, readOpenaiRequest } from './openaiRequest.ts'
import { OpenaiStream } from './openaiStream.ts'
import { measureOpenai } from './openaiUsage.ts'
import { openaiPrices, PriceBook } from './priceBook.ts'

const NONE: readonly Signal[] = []
/** Each call moves the remembered mean of tokens a call by this share. */
const LEARNING = 0.1

export function openaiProfile(settings: ServiceSettings = resolveSettings('openai'), kind: Kind = 'openai'): ServiceProfile {
  const book = new PriceBook(openaiPrices, settings.prices)
  const pacing = new OpenaiPacing()
  const use = new MeanUse()
  const generic = httpProfile(kind)
  return {
    ...generic,
    tellsModelsApart: true,
    classifyError: classifyOpenaiError,
    classifyResult: classifyOpenaiResult,
    readSignals(from, at) {
      const header = headersOf(from)
      if (header === undefined) return NONE
      // A wait that the service asks for takes precedence, and its classification carries it.
      if (readRetryAfter(header, at) !== undefined) return NONE
      const limits = readOpenaiLimits(header)
      if (limits.length === 0) return generic.readSignals?.(from, at) ?? NONE
      const pace = pacing.pace(limits, use.mean, at)
      return pace === undefined ? NONE : [pace]
    },
    ladder: openaiLadder(book),
    measure: (value, request) => use.learn(measureOpenai(value, request, book)),
    readRequest: readOpenaiRequest,
    estimate: (request) => estimateOpenai(request, book),
    readStream(contentType, request) {
      if (!/^\s*text\/event-stream\s*(?:;|$)/i.test(contentType)) return undefined
      return use.learningFrom(new OpenaiStream(request, book))
    },
  }
}

/** Remembers how many tokens calls take, to tell how many calls a limit of tokens leaves. */
class MeanUse {
  mean: number | undefined

  learn<T extends StreamEnd['measured']>(measured: T): T {
    const usage = measured?.usage
    if (usage !== undefined) {
      const tokens = usage.input + usage.output
      this.mean = this.mean === undefined ? tokens : this.mean + LEARNING * (tokens - this.mean)
    }
    return measured
  }

  learningFrom(reader: StreamReader): StreamReader {
    let ended: StreamEnd | undefined
    return {
      push: (chunk) => reader.push(chunk),
      end: (at) => {
        if (ended === undefined) {
          ended = reader.end(at)
          this.learn(ended.measured)
        }
        return ended
      },
    }
  }
}
