// What the words of a LightRAG server's error say: its `{detail}` bodies (FastAPI), the `error` of an answer or of a stream's
// line, a thrown error's message. Used by its profile where a status says no more than that something broke.
import type { Classification, FailureType } from '../../model/failures.ts'
import { isObject, readField } from '../foreignValue.ts'
import { failureInText } from '../http/errorText.ts'

/** More of a text than this is not read. */
const READ_AT_MOST = 1000

/** Python's own name for it, and how CUDA, Linux and databases word it. */
const MEMORY = /\b(?:memoryerror|memory error|out of memory|cannot allocate memory|unable to allocate)\b/

/** A word and not a part of one: `embedding_func` is two words, `embedded` is none. */
const EMBEDDING = /\bembeddings?\b/

/** Where clients leave a parsed body: on the error itself, or on it as axios, got and the OpenAI client do. */
const BODIES = ['data', 'body', 'error'] as const

/** The text a server's error carries; undefined where there is none. */
export function errorTextOf(error: unknown): string | undefined {
  if (typeof error === 'string') return error.slice(0, READ_AT_MOST)
  const response = readField(error, 'response')
  const places = [error, ...BODIES.map((key) => readField(error, key)), ...BODIES.map((key) => readField(response, key))]
  for (const place of places) {
    const text = textIn(place)
    if (text !== undefined) return text
  }
  const message = readField(error, 'message')
  return typeof message === 'string' ? message.slice(0, READ_AT_MOST) : undefined
}

/**
 * What `text` adds to a classification that only says that something broke. An embedding service that fails is a part of
 * LightRAG's that is not there.
 */
export function inDetail(said: Classification, text: string): Classification {
  if (said === 'ignored' || (said.type !== 'http_error' && said.type !== 'unknown_error')) return said
  const type = typeIn(text)
  return type === undefined ? said : { ...said, type }
}

/** Does `text` speak of the embedding service? */
export function namesEmbedding(text: string): boolean {
  return EMBEDDING.test(normalised(text))
}

function typeIn(text: string): FailureType | undefined {
  const words = normalised(text)
  if (MEMORY.test(words)) return 'memory_error'
  return failureInText(text) ?? (EMBEDDING.test(words) ? 'service_unavailable' : undefined)
}

/** The `detail` of FastAPI or the `error` of an answer, as text; a list of complaints about the request is not one. */
function textIn(place: unknown): string | undefined {
  if (!isObject(place)) return undefined
  for (const key of ['detail', 'error'] as const) {
    const found = readField(place, key)
    const text = isObject(found) ? readField(found, 'message') : found
    if (typeof text === 'string' && text !== '') return text.slice(0, READ_AT_MOST)
  }
  return undefined
}

function normalised(text: string): string {
  return text
    .slice(0, READ_AT_MOST)
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, ' ')
}
