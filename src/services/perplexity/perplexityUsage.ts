// Tokens, dollars and searches as Perplexity states them in `usage`: the names of the Agent API and those of the retired Sonar
// chat completions and of embeddings (@perplexity-ai/perplexity_ai 0.38.5: ResponsesUsage, UsageInfo, EmbeddingsUsage).
import type { TokenUsage } from '../../model/measurement.ts'
import { readField } from '../foreignValue.ts'

const MOST_TOKENS = 1e9
/** Dollars; a call that is said to have cost more is not believed. */
const MOST_DOLLARS = 1e6

/** Undefined where input or output is not stated; embeddings have no output, and say so by having no word for it. */
export function readUsage(usage: unknown): TokenUsage | undefined {
  const input = countAt(usage, 'input_tokens') ?? countAt(usage, 'prompt_tokens')
  const stated = countAt(usage, 'output_tokens') ?? countAt(usage, 'completion_tokens')
  const prompt = countAt(usage, 'prompt_tokens')
  const embedded = prompt !== undefined && prompt === countAt(usage, 'total_tokens') ? 0 : undefined
  const visible = stated ?? embedded
  if (input === undefined || visible === undefined) return undefined
  const cached = countAt(readField(usage, 'input_tokens_details'), 'cache_read_input_tokens')
  const reasoning = countAt(usage, 'reasoning_tokens') ?? countAt(readField(usage, 'output_tokens_details'), 'reasoning_tokens')
  return {
    input,
    // Deep research states more reasoning than output: there it is counted beside it.
    output: reasoning !== undefined && reasoning > visible ? visible + reasoning : visible,
    ...(cached === undefined ? {} : { cached }),
    ...(reasoning === undefined ? {} : { reasoning }),
  }
}

/** What every answer of a shape states beside the total, and what only some do. */
const PARTS = [
  { always: ['input_cost', 'output_cost'], sometimes: ['tool_calls_cost', 'cache_creation_cost', 'cache_read_cost'] },
  {
    always: ['input_tokens_cost', 'output_tokens_cost'],
    sometimes: ['citation_tokens_cost', 'reasoning_tokens_cost', 'search_queries_cost', 'request_cost'],
  },
] as const

/**
 * Dollars: `cost.total_cost`, or the sum of its parts where there is no total that can be believed. Undefined where neither is
 * there, where a part makes no sense, and in any other currency.
 */
export function readCost(usage: unknown): number | undefined {
  const cost = readField(usage, 'cost')
  const currency = readField(cost, 'currency')
  if (currency != null && currency !== 'USD') return undefined
  return dollarsAt(cost, 'total_cost') ?? sumOfParts(cost)
}

/** Searches that were made for the answer, where it says. */
export function searchesIn(usage: unknown): number | undefined {
  const details = readField(usage, 'tool_calls_details')
  // Billed by another name than the tool is asked for by (perplexityai/api-platform-developers@228c88d).
  for (const tool of ['search_web', 'web_search']) {
    const made = countAt(readField(details, tool), 'invocation')
    if (made !== undefined) return made
  }
  return countAt(usage, 'num_search_queries')
}

function sumOfParts(cost: unknown): number | undefined {
  for (const { always, sometimes } of PARTS) {
    if (always.some((name) => dollarsAt(cost, name) === undefined)) continue
    let sum = 0
    for (const name of [...always, ...sometimes]) {
      if (readField(cost, name) == null) continue
      const part = dollarsAt(cost, name)
      if (part === undefined) return undefined
      sum += part
    }
    return sum <= MOST_DOLLARS ? sum : undefined
  }
  return undefined
}

function dollarsAt(from: unknown, key: string): number | undefined {
  const value = readField(from, key)
  return typeof value === 'number' && value >= 0 && value <= MOST_DOLLARS ? value : undefined
}

function countAt(from: unknown, key: string): number | undefined {
  const value = readField(from, key)
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MOST_TOKENS ? value : undefined
}
