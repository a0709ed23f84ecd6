// The profile of embedding services: tokens used, and whether the vectors that come can be used. A service that sends vectors
// of another length, zeros or no numbers answers with a 200 and spoils whatever is built on them, so that is a failure here.
import type { Classification } from '../../model/failures.ts'
import type { Measurement, TokenUsage } from '../../model/measurement.ts'
import type { ServiceSettings } from '../../model/settings.ts'
import { answerBody } from '../answerBody.ts'
import { readField, readString } from '../foreignValue.ts'
import { httpProfile } from '../http/httpProfile.ts'
import { plainMonitoring } from '../plainMonitoring.ts'
import type { CallRequest, ServiceProfile } from '../serviceProfile.ts'
import { readVectors } from './vectors.ts'

/** Answers that have to agree before a model's dimension counts as known. */
const TO_LEARN = 3
/** Models remembered; the one not seen for longest goes first. */
const MOST_MODELS = 100
/** Dimensions that callers may ask for. */
const MOST_ASKED = 20
const MOST_TOKENS = 1e9

/** `/v1/embeddings` of OpenAI and those like it; `/api/embed`, `/api/embeddings` of Ollama; `/v2/embed` of Cohere; `/embed`. */
const PATH = /\/embed(?:dings)?\/?$/

interface Learned {
  dimension: number
  /** Answers in a row that had it, until it is known. */
  seen: number
}

export function embeddingProfile(settings: Pick<ServiceSettings, 'memoryLimit'>): ServiceProfile {
  const http = httpProfile('embedding')
  const models = new Map<string, Learned>()
  /** Asked for by callers (`dimensions`), and so as good as one that was learned: of any model, as answers may name it differently. */
  const asked = new Set<number>()

  function learned(model: string): Learned {
    const known = models.get(model) ?? { dimension: 0, seen: 0 }
    models.delete(model)
    models.set(model, known)
    if (models.size > MOST_MODELS) models.delete(models.keys().next().value as string)
    return known
  }

  /** True for a length that the model is known not to have. */
  function isStrange(dimension: number, model: string): boolean {
    const known = learned(model)
    if (known.dimension === dimension) {
      known.seen++
      return false
    }
    if (asked.has(dimension)) return false
    if (known.seen >= TO_LEARN) return true
    known.dimension = dimension
    known.seen = 1
    return false
  }

  return {
    ...http,
    kind: 'embedding',
    classifyResult(value, at) {
      const said = http.classifyResult?.(value, at)
      if (said !== undefined) return said
      const body = answerBody(value)
      const vectors = readVectors(body)
      if (!vectors) return undefined
      const spoilt = vectors.fault !== undefined || isStrange(vectors.dimension, readString(body, 'model', 200) ?? '')
      return spoilt ? ({ type: 'quality_degradation' } satisfies Classification) : undefined
    },
    readRequest(path, body) {
      if (!PATH.test(path)) return { path, body }
      const model = readString(body, 'model', 200)
      const dimension = readField(body, 'dimensions') ?? readField(body, 'output_dimension')
      if (typeof dimension === 'number' && asked.size < MOST_ASKED) asked.add(dimension)
      return { path, body, operation: 'embeddings', ...(model === undefined ? undefined : { model }) }
    },
    measure: (value, request) => measured(answerBody(value), request),
    monitoring: plainMonitoring(settings),
  }
}

function measured(body: unknown, request: CallRequest | undefined): Measurement | undefined {
  const usage = usageOf(body)
  if (!usage && !readVectors(body)) return undefined
  const model = readString(body, 'model', 200) ?? request?.model
  return { operation: 'embeddings', ...(model === undefined ? undefined : { model }), ...(usage ? { usage } : undefined) }
}

/** OpenAI: `usage.prompt_tokens`, or `total_tokens` alone (Voyage, Jina); Ollama: `prompt_eval_count`; Cohere: `meta.billed_units`. */
function usageOf(body: unknown): TokenUsage | undefined {
  const usage = readField(body, 'usage')
  const input =
    tokens(readField(usage, 'prompt_tokens')) ??
    tokens(readField(usage, 'total_tokens')) ??
    tokens(readField(body, 'prompt_eval_count')) ??
    tokens(readField(readField(readField(body, 'meta'), 'billed_units'), 'input_tokens'))
  return input === undefined ? undefined : { input, output: 0 }
}

function tokens(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MOST_TOKENS ? value : undefined
}
