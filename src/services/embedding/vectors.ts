// Finds the vectors in an answer of an embedding service and looks whether they can be used: numbers, not all zero, each as
// long as it should be. Reads the shapes of OpenAI and those like it, Ollama, Cohere, and Text Embeddings Inference.
import { isObject, readField } from '../foreignValue.ts'

/** Vectors looked at one by one; of the others only the length counts. */
const LOOKED_AT = 16
const MOST_VECTORS = 10_000
const LONGEST_VECTOR = 65_536

export interface Vectors {
  /** The length of the first. */
  readonly dimension: number
  /** What is wrong with one of them; undefined: nothing that was looked at. */
  readonly fault: 'not a number' | 'zero' | 'uneven' | undefined
}

/** Undefined for an answer without vectors that can be read. */
export function readVectors(body: unknown): Vectors | undefined {
  const list = listOf(body)
  if (!list || list.length === 0 || list.length > MOST_VECTORS) return undefined
  const dimension = lengthOf(list[0])
  if (dimension === undefined) return undefined
  let fault: Vectors['fault']
  for (let i = 0; i < list.length && fault === undefined; i++) {
    const length = lengthOf(list[i])
    if (length === undefined) return undefined
    fault = length !== dimension ? 'uneven' : i < LOOKED_AT ? faultOf(list[i]) : undefined
  }
  return { dimension, fault }
}

/**
 * OpenAI: `data[].embedding`; Ollama: `embeddings`, formerly one `embedding`; Cohere: `embeddings`, or `embeddings.float` by
 * type; Text Embeddings Inference: the list itself.
 */
function listOf(body: unknown): readonly unknown[] | undefined {
  if (Array.isArray(body)) return body
  const data = readField(body, 'data')
  if (Array.isArray(data)) return data.slice(0, MOST_VECTORS + 1).map(vectorOf)
  const embeddings = readField(body, 'embeddings')
  if (Array.isArray(embeddings)) return embeddings
  const float = isObject(embeddings) ? readField(embeddings, 'float') : undefined
  if (Array.isArray(float)) return float
  const single = readField(body, 'embedding')
  return Array.isArray(single) ? [single] : undefined
}

function vectorOf(item: unknown): unknown {
  const vector = readField(item, 'embedding')
  return typeof vector === 'string' ? new Base64(vector) : vector
}

/**
 * A vector is a list of numbers, or, beneath `data`, those as 32-bit floats in base64 (OpenAI's `encoding_format: 'base64'`).
 * Other encodings give another length, the same for each vector of a model.
 */
function lengthOf(vector: unknown): number | undefined {
  if (vector instanceof Base64) return vector.bytes > 0 ? vector.bytes / 4 : undefined
  const isList = Array.isArray(vector) || vector instanceof Float32Array || vector instanceof Float64Array
  return isList && vector.length > 0 && vector.length <= LONGEST_VECTOR ? vector.length : undefined
}

/** JSON has no NaN: servers write null, or "NaN", in its place. What is in base64 might be integers, and is only looked at for zeros. */
function faultOf(vector: unknown): Vectors['fault'] {
  if (vector instanceof Base64) return vector.isZero ? 'zero' : undefined
  const values = vector as ArrayLike<unknown>
  let isZero = true
  for (let i = 0; i < values.length; i++) {
    const value = values[i]
    if (typeof value !== 'number' || !Number.isFinite(value)) return 'not a number'
    if (value !== 0) isZero = false
  }
  return isZero ? 'zero' : undefined
}

class Base64 {
  /** 0 for what is no base64, or too much of it. */
  readonly bytes: number
  readonly #text: string

  constructor(text: string) {
    this.#text = text
    const fits = text.length % 4 === 0 && text.length <= LONGEST_VECTOR * 6 && /^[A-Za-z0-9+/]*={0,2}$/.test(text)
    this.bytes = fits ? (text.length / 4) * 3 - (text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0) : 0
  }

  get isZero(): boolean {
    return /^A*=*$/.test(this.#text)
  }
}
