// What an answer of OpenAI's tells of the call: the model, the tokens, the cost. Reads Chat Completions, Responses, embeddings
// and the older completions, as parsed bodies or as the objects that the official client hands out. Used by the openai profile.
//
// Source of the fields: the API reference of Chat Completions (`usage`), Responses (`usage`) and embeddings (`usage`).
import type { Measurement, TokenUsage } from '../../model/measurement.ts'
import { isObject, readField, readString } from '../foreignValue.ts'
import type { CallRequest } from '../serviceProfile.ts'
import type { PriceBook } from './priceBook.ts'

/** More tokens than any call can have: what is above was not counted by OpenAI. */
const MOST_TOKENS = 1e9
const LONGEST_NAME = 200

/** What bodies call themselves in `object`. */
const OPERATIONS: Readonly<Record<string, string>> = {
  'chat.completion': 'chat',
  'chat.completion.chunk': 'chat',
  response: 'responses',
  text_completion: 'completions',
}

/** Undefined where a value tells nothing. The cost is marked as estimated where the model's price is a guess. */
export function measureOpenai(value: unknown, request: CallRequest | undefined, book: PriceBook): Measurement | undefined {
  if (!isObject(value)) return undefined
  const usage = readUsage(readField(value, 'usage'))
  const named = readString(value, 'object', 40)
  const operation = request?.operation ?? operationOf(named, value)
  if (usage === undefined && operation === undefined) return undefined
  const model = nonEmpty(readString(value, 'model', LONGEST_NAME)) ?? request?.model
  if (usage === undefined && model === undefined && request === undefined) return undefined
  return {
    ...(model === undefined ? {} : { model }),
    ...(operation === undefined ? {} : { operation }),
    ...(usage === undefined ? {} : { usage, ...costOf(usage, model, operation, readString(value, 'service_tier', 20), book) }),
  }
}

/**
 * `prompt_tokens` or `input_tokens`, `completion_tokens` or `output_tokens`, and of their details what was cached and what was
 * spent on reasoning. A count that is negative, no whole number or absurd is as good as absent; without the input there is no usage.
 */
export function readUsage(usage: unknown): TokenUsage | undefined {
  if (!isObject(usage)) return undefined
  const input = count(usage, 'prompt_tokens') ?? count(usage, 'input_tokens')
  if (input === undefined) return undefined
  const output = count(usage, 'completion_tokens') ?? count(usage, 'output_tokens') ?? outputOfTotal(usage, input)
  const cached = detail(usage, ['prompt_tokens_details', 'input_tokens_details'], 'cached_tokens')
  const reasoning = detail(usage, ['completion_tokens_details', 'output_tokens_details'], 'reasoning_tokens')
  return {
    input,
    output,
    ...(cached === undefined || cached > input ? {} : { cached }),
    ...(reasoning === undefined || reasoning > output ? {} : { reasoning }),
  }
}

function costOf(
  usage: TokenUsage,
  model: string | undefined,
  operation: string | undefined,
  tier: string | undefined,
  book: PriceBook,
): { readonly cost?: number; readonly costEstimated?: true } {
  if (model === undefined) return {}
  // Pictures and sound are charged by rates of their own, which no guess from the price of text comes near.
  const priced = operation === 'images' || operation === 'audio' ? book.listed(model) : book.find(model)
  if (priced === undefined) return {}
  const cost = book.cost(priced, usage, tier)
  if (!Number.isFinite(cost)) return {}
  return priced.found === 'guessed' ? { cost, costEstimated: true } : { cost }
}

/** Lists are what several endpoints answer with; the one that counts tokens is embeddings. */
function operationOf(named: string | undefined, value: object): string | undefined {
  if (named === undefined) return undefined
  if (named === 'list')
    return readField(readField(readField(value, 'data'), '0'), 'object') === 'embedding' ? 'embeddings' : undefined
  return Object.hasOwn(OPERATIONS, named) ? OPERATIONS[named] : undefined
}

function detail(usage: unknown, places: readonly string[], key: string): number | undefined {
  for (const place of places) {
    const found = count(readField(usage, place), key)
    if (found !== undefined) return found
  }
  return undefined
}

/** Embeddings have a total and no output. */
function outputOfTotal(usage: unknown, input: number): number {
  const total = count(usage, 'total_tokens')
  return total === undefined ? 0 : Math.max(0, total - input)
}

function count(from: unknown, key: string): number | undefined {
  const value = readField(from, key)
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MOST_TOKENS ? value : undefined
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text
}
