// What a LightRAG server is asked less of, level by level, in the parameters of its own `QueryRequest`
// (lightrag/api/routers/query_routes.py; its defaults are those of lightrag/constants.py). Only queries are rewritten.
import type { Overrides } from '../../model/policy.ts'
import { isObject } from '../foreignValue.ts'
import type { CallRequest, Ladder, RewrittenRequest } from '../serviceProfile.ts'

/** What the server takes where a query says nothing: DEFAULT_TOP_K and so on. */
const SERVER_DEFAULTS = {
  top_k: 40,
  chunk_top_k: 20,
  max_entity_tokens: 6000,
  max_relation_tokens: 8000,
  max_total_tokens: 30_000,
} as const

const AMOUNTS = Object.keys(SERVER_DEFAULTS) as (keyof typeof SERVER_DEFAULTS)[]
const MODES: readonly unknown[] = ['local', 'global', 'hybrid', 'naive', 'mix']

/** `factor`: what is left of an amount the caller asks for; an amount by its own name: what is asked for where the caller is silent. */
const HALF = { factor: 0.5, ...amountsTimes(0.5) }
const QUARTER = { factor: 0.25, ...amountsTimes(0.25) }

export const lightragLadder: Ladder = [
  { level: 1, overrides: HALF, expected: { performanceImpact: 0.1, costSaved: 0.2 }, rewrite: askLess },
  {
    level: 2,
    // Vectors alone: neither the graph nor a model that looks for keywords, nor one that ranks again.
    overrides: { ...HALF, mode: 'naive', enable_rerank: false },
    expected: { performanceImpact: 0.35, costSaved: 0.5 },
    rewrite: askLess,
  },
  {
    level: 3,
    // What was found, without an answer: no language model at all.
    overrides: { ...QUARTER, mode: 'naive', enable_rerank: false, only_need_context: true },
    expected: { performanceImpact: 0.7, costSaved: 0.8 },
    rewrite: askLess,
  },
]

/** Never asks for more than the caller did. A `bypass` query retrieves nothing, so there is nothing to ask less of. */
function askLess(request: CallRequest, overrides: Overrides): RewrittenRequest | undefined {
  const { body, operation } = request
  if (operation !== 'query' && operation !== 'query_stream' && operation !== 'query_data') return undefined
  if (!isObject(body) || Array.isArray(body) || body.mode === 'bypass') return undefined
  const less: Record<string, unknown> = { ...body }
  for (const amount of AMOUNTS) {
    const asked = amountFor(body[amount], overrides[amount], overrides.factor)
    if (asked !== undefined) less[amount] = asked
  }
  const { mode, enable_rerank, only_need_context } = overrides
  if (typeof mode === 'string' && MODES.includes(mode) && body.mode !== 'naive') less.mode = mode
  if (enable_rerank === false) less.enable_rerank = false
  // Data is context already, and a prompt is not written by a model either.
  if (only_need_context === true && operation !== 'query_data' && body.only_need_prompt !== true) {
    less.only_need_context = true
  }
  return Object.keys(less).some((key) => less[key] !== body[key]) ? { body: less } : undefined
}

/** Undefined: it stays as it is. */
function amountFor(asked: unknown, unasked: unknown, factor: unknown): number | undefined {
  if (asked === undefined || asked === null) return isAmount(unasked) ? Math.floor(unasked) : undefined
  // What is no amount is for the server to refuse.
  if (!isAmount(asked) || typeof factor !== 'number' || !(factor > 0 && factor < 1)) return undefined
  return Math.max(1, Math.floor(asked * factor))
}

function isAmount(value: unknown): value is number {
  return typeof value === 'number' && value >= 1 && Number.isFinite(value)
}

function amountsTimes(factor: number): Record<keyof typeof SERVER_DEFAULTS, number> {
  return Object.fromEntries(AMOUNTS.map((amount) => [amount, SERVER_DEFAULTS[amount] * factor])) as Record<
    keyof typeof SERVER_DEFAULTS,
    number
  >
}
