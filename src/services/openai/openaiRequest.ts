// Reads a request to OpenAI, Azure or a compatible server: which model, which operation, and what it is going to cost at most.
// Used by the openai profile before a call is made.
import type { Estimate } from '../../model/measurement.ts'
import { isObject, readField, readString } from '../foreignValue.ts'
import type { CallRequest } from '../serviceProfile.ts'
import type { PriceBook } from './priceBook.ts'

export type OpenaiOperation = 'chat' | 'responses' | 'embeddings' | 'completions' | 'images' | 'audio' | 'moderations' | 'other'

/** Endings of paths, with what they ask for; before `completions` comes `chat/completions`. */
const OPERATIONS: readonly (readonly [RegExp, OpenaiOperation])[] = [
  [/\/chat\/completions$/, 'chat'],
  [/\/responses$/, 'responses'],
  [/\/embeddings$/, 'embeddings'],
  [/\/completions$/, 'completions'],
  [/\/images\/(?:generations|edits|variations)$/, 'images'],
  [/\/audio\/(?:speech|transcriptions|translations)$/, 'audio'],
  [/\/moderations$/, 'moderations'],
]

const LONGEST_PATH = 2000
const LONGEST_NAME = 200

/** The model is that of the body; in a path of Azure's, `/openai/deployments/{deployment}/…`, the deployment where there is none. */
export function readOpenaiRequest(path: string, body: unknown): CallRequest {
  const read = path.length <= LONGEST_PATH ? path.replace(/[?#].*$/s, '').replace(/\/$/, '') : ''
  const operation = OPERATIONS.find(([ending]) => ending.test(read))?.[1] ?? 'other'
  const model = readString(body, 'model', LONGEST_NAME) ?? deploymentIn(read)
  return { path, body, operation, ...(model === undefined ? {} : { model }) }
}

/** The deployment that a path of Azure's names. */
export function deploymentIn(path: string): string | undefined {
  const name = /\/deployments\/([^/?#]{1,200})\//.exec(path)?.[1]
  if (name === undefined) return undefined
  try {
    return decodeURIComponent(name)
  } catch {
    return name
  }
}

/** What an answer may be long where a request sets no limit, in tokens: a guess, as OpenAI sets none of its own below 16,000. */
export const ASSUMED_OUTPUT = 1024
/** A picture or a file counts as so many tokens: most pictures cost 85 to 1,500. */
const TOKENS_OF_MEDIA = 1000
/** OpenAI's own rule of thumb for English text. */
const CHARACTERS_A_TOKEN = 4
/** Values looked at in one body; what is beyond makes the estimate a guess. */
const MOST_VALUES = 20_000
const DEEPEST = 20
/** Parts of a body that become input. */
const INPUTS = ['messages', 'input', 'prompt', 'instructions', 'tools', 'functions'] as const
const LIMITS = ['max_completion_tokens', 'max_output_tokens', 'max_tokens'] as const

/**
 * Dollars for the characters of the input / 4 and as many output tokens as the request allows, {@link ASSUMED_OUTPUT} where it
 * sets no limit, times `n`. Confidence is 0.9; 0.5 where the price is a guess, 0.3 where the body was too big to be read
 * through. Undefined for what is not charged by the token of text: images and audio.
 */
export function estimateOpenai({ model, operation, body }: CallRequest, book: PriceBook): Estimate | undefined {
  if (model === undefined || !isObject(body)) return undefined
  if (operation === 'images' || operation === 'audio' || operation === 'other') return undefined
  const counted = { left: MOST_VALUES, tokens: 0 }
  for (const key of INPUTS) countTokens(readField(body, key), key, DEEPEST, counted)
  const writes = operation === 'chat' || operation === 'responses' || operation === 'completions'
  const output = writes ? outputLimit(body) * answersAsked(body) : 0
  const price = book.find(model)
  const tier = readString(body, 'service_tier', 20)
  const cost = book.cost(price, { input: Math.ceil(counted.tokens), output }, tier)
  const confidence = counted.left <= 0 ? 0.3 : price.found === 'guessed' ? 0.5 : 0.9
  return Number.isFinite(cost) ? { cost, confidence } : undefined
}

function outputLimit(body: unknown): number {
  for (const key of LIMITS) {
    const limit = readField(body, key)
    if (typeof limit === 'number' && limit >= 1 && limit <= 1e7) return limit
  }
  return ASSUMED_OUTPUT
}

function answersAsked(body: unknown): number {
  const n = readField(body, 'n')
  return typeof n === 'number' && n >= 1 && n <= 128 ? n : 1
}

function countTokens(value: unknown, key: string, depth: number, counted: { left: number; tokens: number }): void {
  if (counted.left-- <= 0) return
  if (typeof value === 'string') counted.tokens += isMedia(key, value) ? TOKENS_OF_MEDIA : value.length / CHARACTERS_A_TOKEN
  else if (typeof value === 'number' || typeof value === 'boolean') counted.tokens += 1
  else if (isObject(value) && depth > 0) countWithin(value, key, depth - 1, counted)
}

function countWithin(value: object, key: string, depth: number, counted: { left: number; tokens: number }): void {
  const length = lengthOf(value)
  if (length !== undefined && typeof readField(value, '0') === 'number') {
    // A list of token ids.
    counted.tokens += length
    return
  }
  for (const inner of length === undefined ? keysOf(value) : indices(length)) {
    if (counted.left <= 0) return
    countTokens(readField(value, inner), length === undefined ? inner : key, depth, counted)
  }
}

/** Of a list; undefined for other objects. */
function lengthOf(value: object): number | undefined {
  try {
    return Array.isArray(value) ? value.length : undefined
  } catch {
    return undefined
  }
}

function keysOf(value: object): string[] {
  try {
    return Object.keys(value)
  } catch {
    return []
  }
}

/** Names one after the other, so that a list of a million costs no more than what is read of it. */
function* indices(length: number): Generator<string> {
  for (let i = 0; i < length; i++) yield String(i)
}

function isMedia(key: string, text: string): boolean {
  return text.startsWith('data:') || key === 'image_url' || key === 'file_data' || (key === 'data' && text.length > 1000)
}
