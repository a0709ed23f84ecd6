// What is asked of OpenAI instead when less has to do: a smaller model, shorter answers, a word about brevity. Used by the
// adapters through the openai profile; docs/services/openai.md describes it to users.
import type { Overrides } from '../../model/policy.ts'
import { isObject, readField } from '../foreignValue.ts'
import type { CallRequest, Ladder, LadderStep, RewrittenRequest } from '../serviceProfile.ts'
import { deploymentIn } from './openaiRequest.ts'
import type { PriceBook } from './priceBook.ts'

/**
 * The steps' overrides, all of which a user may lay others over:
 * - `smallerModel`: so many steps down the price book's row of models, `true` for one;
 * - `model`: this model instead, whatever was asked for; on a path of Azure's, this deployment;
 * - `maxTokensFactor`: a stated limit of tokens times this; `defaultMaxTokens`: the limit where none is stated (0: none);
 *   `maxTokens`: no more than this in any case;
 * - `hint`: said to the model beside the caller's own instructions;
 * - `cacheOnly`: told to the caller, and changes no request.
 *
 * The expected shares are DESIGN's: level 1 (0.15, 0.80), level 2 (0.30, 0.90), level 3 (0.60, 0.95).
 */
const STEPS = [
  { overrides: { smallerModel: true, maxTokensFactor: 0.5, defaultMaxTokens: 4096 }, expected: [0.15, 0.8] },
  {
    overrides: { smallerModel: 2, maxTokensFactor: 0.25, defaultMaxTokens: 2048, hint: 'Answer briefly and simply.' },
    expected: [0.3, 0.9],
  },
  {
    overrides: {
      cacheOnly: true,
      smallerModel: 2,
      maxTokensFactor: 0.15,
      defaultMaxTokens: 512,
      hint: 'Answer in one or two sentences.',
    },
    expected: [0.6, 0.95],
  },
] as const

/** OpenAI takes no limit of fewer tokens (API reference of Responses, `max_output_tokens`). */
const FEWEST_TOKENS = 16
/**
 * A stated limit of a reasoning model is shortened to no less: it holds the reasoning too, for which OpenAI advises to keep
 * this many tokens free (reasoning guide, "Allocating space for reasoning"). Only the user's own `maxTokens` goes below.
 */
const ROOM_TO_REASON = 25_000
const LIMITS = ['max_completion_tokens', 'max_tokens', 'max_output_tokens'] as const

type Body = Readonly<Record<string, unknown>>

export function openaiLadder(book: PriceBook): Ladder {
  const step = (level: 1 | 2 | 3): LadderStep => {
    const { overrides, expected } = STEPS[(level - 1) as 0 | 1 | 2]
    return {
      level,
      overrides,
      expected: { performanceImpact: expected[0], costSaved: expected[1] },
      rewrite: (request, given) => rewrite(request, given, book),
    }
  }
  return [step(1), step(2), step(3)]
}

function rewrite(request: CallRequest, overrides: Overrides, book: PriceBook): RewrittenRequest | undefined {
  try {
    return rewritten(request, overrides, book)
  } catch {
    // A body that will not be read is sent as it is.
    return undefined
  }
}

/** Only where text is written: the vectors of another model fit no index, and pictures and sound have other measures. */
function rewritten(request: CallRequest, overrides: Overrides, book: PriceBook): RewrittenRequest | undefined {
  const { operation, body } = request
  if (!isPlain(body) || (operation !== 'chat' && operation !== 'responses' && operation !== 'completions')) return undefined
  const changes: Record<string, unknown> = {}
  const path = changeModel(request, body, overrides, book, changes)
  changeLimit(operation, body, String(changes.model ?? request.model ?? ''), overrides, book, changes)
  if (typeof overrides.hint === 'string' && overrides.hint !== '') addHint(operation, body, overrides.hint, changes)
  const changed = Object.keys(changes).length > 0
  if (!changed && path === undefined) return undefined
  return { ...(path === undefined ? {} : { path }), ...(changed ? { body: { ...body, ...changes } } : {}) }
}

/** Returns the path where it is the path that names the model. */
function changeModel(
  { path, model, operation }: CallRequest,
  body: Body,
  { model: named, smallerModel }: Overrides,
  book: PriceBook,
  changes: Record<string, unknown>,
): string | undefined {
  const deployment = deploymentIn(path)
  if (typeof named === 'string' && named !== '') {
    if (deployment !== undefined && deployment !== named)
      return path.replace(/\/deployments\/[^/?#]+\//, () => `/deployments/${encodeURIComponent(named)}/`)
    if (deployment === undefined && named !== model) changes.model = named
    return undefined
  }
  // On Azure the name is a deployment's, and nobody here knows which others there are.
  if (model === undefined || deployment !== undefined || /\/openai\/(?:v\d+\/)/.test(path)) return undefined
  const steps =
    smallerModel === true ? 1 : typeof smallerModel === 'number' ? Math.min(Math.max(Math.floor(smallerModel), 0), 10) : 0
  const needsTools = operation === 'chat' && (hasSome(body.tools) || hasSome(body.functions))
  const smaller = book.smaller(model, steps, ({ chatTools }) => !needsTools || chatTools !== false)
  if (smaller !== undefined) changes.model = smaller
  return undefined
}

/**
 * An answer that has to follow a schema keeps its length, as half of it is of no use. Where a model reasons before it
 * answers no limit is set that the caller did not, for the reasoning could use it up and leave no answer.
 */
function changeLimit(
  operation: 'chat' | 'responses' | 'completions',
  body: Body,
  model: string,
  { maxTokensFactor, defaultMaxTokens, maxTokens }: Overrides,
  book: PriceBook,
  changes: Record<string, unknown>,
): void {
  if (followsSchema(body)) return
  const most = isLimit(maxTokens) ? maxTokens : Number.POSITIVE_INFINITY
  const key = LIMITS.find((name) => isLimit(body[name]))
  if (key !== undefined) {
    const stated = body[key] as number
    const factor = typeof maxTokensFactor === 'number' && maxTokensFactor > 0 && maxTokensFactor < 1 ? maxTokensFactor : 1
    const shortened = Math.max(Math.ceil(stated * factor), book.isReasoning(model) ? ROOM_TO_REASON : 0)
    const limit = Math.min(stated, Math.max(FEWEST_TOKENS, Math.min(shortened, most)))
    if (limit < stated) changes[key] = limit
    return
  }
  // Completions of the old kind stop after 16 tokens by themselves.
  if (operation === 'completions' || book.isReasoning(model)) return
  const limit = Math.min(isLimit(defaultMaxTokens) ? defaultMaxTokens : Number.POSITIVE_INFINITY, most)
  if (Number.isFinite(limit))
    changes[operation === 'chat' ? 'max_completion_tokens' : 'max_output_tokens'] = Math.max(limit, FEWEST_TOKENS)
}

/** Behind the caller's own instructions and before the conversation. */
function addHint(operation: string, body: Body, hint: string, changes: Record<string, unknown>): void {
  if (operation === 'responses') {
    const { instructions } = body
    if (typeof instructions === 'string' && instructions !== '') changes.instructions = `${instructions}\n\n${hint}`
    else if (instructions === undefined || instructions === null || instructions === '') changes.instructions = hint
    return
  }
  const { messages } = body
  if (operation !== 'chat' || !Array.isArray(messages)) return
  const roles = messages.map((message: unknown) => readField(message, 'role'))
  const end = roles.findIndex((role) => role !== 'system' && role !== 'developer')
  const at = end < 0 ? messages.length : end
  const role = roles[0] === 'developer' ? 'developer' : 'system'
  changes.messages = [...messages.slice(0, at), { role, content: hint }, ...messages.slice(at)]
}

function followsSchema(body: Body): boolean {
  const types = [readField(body.response_format, 'type'), readField(readField(body.text, 'format'), 'type')]
  return types.some((type) => type === 'json_schema' || type === 'json_object')
}

function isLimit(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= 1e7
}

function hasSome(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0
}

function isPlain(body: unknown): body is Body {
  return isObject(body) && typeof body !== 'function' && !Array.isArray(body)
}
