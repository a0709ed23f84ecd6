// What an answer of a LightRAG server holds, apart from its text: was anything answered, who wrote it, what it rests on.
// The body of `/query` and `/query/data` (lightrag/api/routers/query_routes.py), and the sum of a stream's lines.
import { isObject, readField, readString } from '../foreignValue.ts'

export type LightragOperation = 'query' | 'query_stream' | 'query_data'

export interface LightragAnswer {
  readonly operation: LightragOperation
  /** True for an answer that stands for a query that broke. */
  readonly broke: boolean
  /** False for an empty answer and for one of the server's own that says that nothing was found. */
  readonly answered: boolean
  /** `llm_generated`: did the model write it? Undefined where the server does not say. */
  readonly generated: boolean | undefined
  /** Undefined where the answer was asked for without references. */
  readonly references: References | undefined
}

export interface References {
  readonly count: number
  /** Those with a source (`file_path`) of their own; one without a source is not counted. */
  readonly distinct: number
}

/** References looked at. */
const MOST_REFERENCES = 1000
/** The server's own words are short; a long text is an answer, whatever it begins with. */
const LONGEST_STOCK_TEXT = 500
/**
 * What query_routes.py puts in place of an answer that came out empty, which is how it answers, with a 200, a query that broke:
 * lightrag.py catches the exception of the model or of the embedding service and goes on without content.
 */
const PLACEHOLDER = 'No relevant context found for the query.'

/** Undefined for what is no answer to a query. */
export function readLightragAnswer(body: unknown): LightragAnswer | undefined {
  const response = readField(body, 'response')
  if (typeof response === 'string') {
    const text = new AnswerText()
    text.add(response)
    return {
      operation: 'query',
      broke: text.isPlaceholder,
      answered: text.answers && !text.isPlaceholder,
      generated: readFlag(body, 'llm_generated'),
      references: readReferences(readField(body, 'references')),
    }
  }
  const data = readField(body, 'data')
  if (typeof readField(body, 'status') !== 'string' || !isObject(data) || !isObject(readField(body, 'metadata'))) return undefined
  return {
    operation: 'query_data',
    broke: isFailure(readField(body, 'status'), readString(body, 'message', 10_000)),
    answered: ['chunks', 'entities', 'relationships'].some((key) => isFilled(readField(data, key))),
    generated: undefined,
    references: readReferences(readField(data, 'references')),
  }
}

/** Undefined where there is no list of references. */
export function readReferences(list: unknown): References | undefined {
  if (!Array.isArray(list)) return undefined
  const sources = new Set<string>()
  const count = Math.min(list.length, MOST_REFERENCES)
  for (let i = 0; i < count; i++) {
    const source = readString(list[i], 'file_path', 4096)
    // What the server writes where it does not know: `unknown_source` (lightrag/constants.py and operate.py).
    if (source !== undefined && source.trim() !== '' && source !== 'unknown_source') sources.add(source)
  }
  return { count, distinct: sources.size }
}

export function readFlag(body: unknown, key: string): boolean | undefined {
  const value = readField(body, key)
  return typeof value === 'boolean' ? value : undefined
}

/** The text of an answer as it comes in pieces: kept as long as it may yet be one of the server's own. */
export class AnswerText {
  #head = ''
  #blank = true
  #long = false

  add(piece: string): void {
    if (this.#blank && /\S/.test(piece)) this.#blank = false
    if (this.#long) return
    this.#long = this.#head.length + piece.length > LONGEST_STOCK_TEXT
    this.#head = this.#long ? '' : this.#head + piece
  }

  get answers(): boolean {
    return !this.#blank && (this.#long || !saysNothingFound(this.#head))
  }

  /** True for the words that stand for a query that broke. */
  get isPlaceholder(): boolean {
    return !this.#long && this.#head.trim() === PLACEHOLDER
  }
}

/** `fail_response` of lightrag/prompt.py, which ends in `[no-context]` whoever reworded it, and did not in older servers. */
function saysNothingFound(text: string): boolean {
  const words = text.trim()
  return words.includes('[no-context]') || words.startsWith("Sorry, I'm not able to provide an answer to that question")
}

/** A query that found nothing is called a `failure` too; one that broke says "Query failed: " and why. */
function isFailure(status: unknown, message: string | undefined): boolean {
  return status === 'failure' && message !== undefined && /^\s*Query failed\b/i.test(message)
}

function isFilled(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0
}
