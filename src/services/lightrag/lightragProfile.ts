// The profile of a LightRAG server (https://github.com/HKUDS/LightRAG, docs/LightRAG-API-Server.md): what its answers and
// streams come to, how good they are, what it is asked less of, and how it is monitored. It tells no tokens and no cost.
import type { Classification } from '../../model/failures.ts'
import type { Measurement } from '../../model/measurement.ts'
import type { ServiceSettings } from '../../model/settings.ts'
import { answerBody } from '../answerBody.ts'
import { isObject, readField, readString } from '../foreignValue.ts'
import { httpProfile } from '../http/httpProfile.ts'
import type { CallRequest, ServiceProfile } from '../serviceProfile.ts'
import { type LightragAnswer, type LightragOperation, readLightragAnswer } from './lightragAnswer.ts'
import { errorTextOf, inDetail, namesEmbedding } from './lightragFailure.ts'
import { COUNTS, HEALTH, PIPELINE, readLightragHealth } from './lightragHealth.ts'
import { lightragLadder } from './lightragLadder.ts'
import { retrievalQuality } from './lightragQuality.ts'
import { LightragStream } from './lightragStream.ts'

/** The end of a path, as a server may stand behind a prefix (`LIGHTRAG_API_PREFIX`). */
const OPERATIONS: readonly (readonly [RegExp, string])[] = [
  [/\/query\/?$/, 'query'],
  [/\/query\/stream\/?$/, 'query_stream'],
  [/\/query\/data\/?$/, 'query_data'],
  [/\/documents(?:\/|$)/, 'documents'],
  [/\/health\/?$/, 'health'],
]

export function lightragProfile({ memoryLimit }: Pick<ServiceSettings, 'memoryLimit'>): ServiceProfile {
  const http = httpProfile('lightrag')
  /** Calls in a row that failed for want of the embedding service. */
  let embeddingFailures = 0

  function failed(said: Classification, text: string | undefined): Classification {
    if (said === 'ignored' || text === undefined) return said
    if (namesEmbedding(text)) embeddingFailures = Math.min(embeddingFailures + 1, 1_000_000)
    return inDetail(said, text)
  }

  function measured(answer: LightragAnswer, request: CallRequest | undefined): Measurement {
    const operation = operationOf(answer, request)
    const quality = retrievalQuality(answer, request)
    if (readField(request?.body, 'mode') !== 'bypass' && answer.answered) embeddingFailures = 0
    return quality === undefined ? { operation } : { operation, quality }
  }

  return {
    ...http,
    kind: 'lightrag',
    classifyError: (error, at) => failed(http.classifyError(error, at), errorTextOf(error)),
    classifyResult(value, at) {
      const said = http.classifyResult?.(value, at)
      if (said !== undefined) return failed(said, errorTextOf(value))
      const text = failureIn(answerBody(value))
      return text === undefined ? undefined : failed({ type: 'http_error' }, text)
    },
    readRequest,
    measure(value, request) {
      const answer = readLightragAnswer(answerBody(value))
      return answer && measured(answer, request)
    },
    readStream(contentType, request) {
      if (!/^\s*application\/x-ndjson\s*(?:;|$)/i.test(contentType)) return undefined
      // The server's imitation of Ollama streams lines of another kind under the same type.
      if (request && request.operation !== 'query_stream') return undefined
      return new LightragStream({
        answered: (answer) => ({ measured: measured(answer, request) }),
        failed: (text, said) => ({ said: failed(said, text), measured: { operation: 'query_stream' } }),
      })
    },
    ladder: lightragLadder,
    monitoring: {
      paths: [HEALTH, PIPELINE, COUNTS],
      read: (round, before) => readLightragHealth(round, before, memoryLimit, embeddingFailures),
    },
  }
}

function readRequest(path: string, body: unknown): CallRequest {
  const operation = OPERATIONS.find(([end]) => end.test(path))?.[1]
  return operation === undefined ? { path, body } : { path, body, operation }
}

/** A body by its shape; `/query/stream` answers with a body like that of `/query` where it need not stream. */
function operationOf({ operation }: LightragAnswer, request: CallRequest | undefined): LightragOperation | string {
  return request?.operation ?? operation
}

/** The words of a failure that came with a status of success: an `error` in the body, or an answer that stands for one. */
function failureIn(body: unknown): string | undefined {
  if (!isObject(body)) return undefined
  const error = readField(body, 'error')
  if (typeof error === 'string' ? error !== '' : isObject(error)) return errorTextOf(body) ?? ''
  if (!readLightragAnswer(body)?.broke) return undefined
  return readString(body, 'message', 10_000) ?? ''
}
