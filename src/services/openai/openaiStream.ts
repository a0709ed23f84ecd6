// Reads a streamed answer of OpenAI's in passing: whether it came to its end, what went wrong on the way, and what it used. The
// thousands of pieces of text between are looked over and never parsed. Used by the openai profile.
//
// Sources: streaming guides and API reference of Chat Completions (`stream_options.include_usage`, `[DONE]`) and of Responses
// (`response.completed`, `response.incomplete`, `response.failed`, `error`).
import type { Classification } from '../../model/failures.ts'
import type { Measurement } from '../../model/measurement.ts'
import { isObject, readField } from '../foreignValue.ts'
import { LineSplitter, utf8Of } from '../serverSentEvents.ts'
import type { CallRequest, StreamEnd, StreamReader } from '../serviceProfile.ts'
import { classifyOpenaiBody } from './openaiErrors.ts'
import { measureOpenai } from './openaiUsage.ts'
import type { PriceBook } from './priceBook.ts'

/**
 * Quotes within the text of a message are escaped, so that nothing said in it looks like one of these. A piece of text has
 * `"usage":null` and `"finish_reason":null`, or neither.
 */
const MATTERS =
  /"(?:usage|error)"\s*:\s*[{"]|"finish_reason"\s*:\s*"|"type"\s*:\s*"(?:error|response\.(?:completed|incomplete|failed|cancelled))"/
const USAGE = /"usage"\s*:\s*\{/
const ERROR = /"error"\s*:\s*[{"]|"type"\s*:\s*"(?:error|response\.failed)"/
const FINISHED = /"finish_reason"\s*:\s*"|"type"\s*:\s*"response\.(?:completed|incomplete|failed|cancelled)"/
/** What the first piece of a stream that nobody announced says it is. */
const HAS_AN_END = /"object"\s*:\s*"(?:chat\.completion\.chunk|text_completion)"|"type"\s*:\s*"response\.created"/
const WITH_AN_END: ReadonlySet<string | undefined> = new Set(['chat', 'completions', 'responses'])

const PREFIX = 'data:'
/** More choices than any request gets. */
const MOST_CHOICES = 10_000
/** A stream that stops without its end has broken off, however politely the connection was closed. */
const BROKEN_OFF: Classification = { type: 'service_unavailable' }

export class OpenaiStream implements StreamReader {
  readonly #request: CallRequest | undefined
  readonly #book: PriceBook
  readonly #lines = new LineSplitter((line, isHead) => this.#read(line, isHead))
  #hasAnEnd: boolean | undefined
  /** Choices that were asked for, and which of them have ended, where that is more than one. */
  readonly #choices: number
  readonly #endedChoices = new Set<unknown>()
  #finished = false
  /** The first piece that tells of an error, and the last one with usage, parsed when the stream is over. */
  #failed: object | undefined
  #usage: string | undefined
  #ended: StreamEnd | undefined

  constructor(request: CallRequest | undefined, book: PriceBook) {
    this.#request = request
    this.#book = book
    const operation = request?.operation
    this.#choices = choicesOf(request)
    if (operation !== undefined) this.#hasAnEnd = WITH_AN_END.has(operation)
  }

  push(chunk: Uint8Array): void {
    if (this.#ended === undefined) this.#lines.push(chunk)
  }

  /** What it says stays the same when asked again. */
  end(at: number): StreamEnd {
    if (this.#ended === undefined) {
      this.#lines.end()
      const failure = this.#failure(at)
      const said = failure ?? (this.#hasAnEnd && !this.#finished ? BROKEN_OFF : undefined)
      const measured = this.#measure()
      const final = failure !== undefined || this.#finished
      this.#ended = { ...(said && { said }), ...(measured && { measured }), ...(final && { final }) }
      this.#failed = undefined
      this.#usage = undefined
    }
    return this.#ended
  }

  #read(line: string, isHead: boolean): void {
    if (!line.startsWith(PREFIX)) return
    this.#hasAnEnd ??= HAS_AN_END.test(line)
    if (!MATTERS.test(line)) {
      if (line.length < 64 && line.slice(PREFIX.length).trim().startsWith('[DONE]')) this.#finished = true
      return
    }
    if (FINISHED.test(line)) this.#finished ||= this.#choices === 1 || isHead || this.#allEnded(parsed(line.slice(PREFIX.length)))
    if (isHead) return
    if (this.#failed === undefined && ERROR.test(line)) this.#failed = failureIn(parsed(line.slice(PREFIX.length)))
    if (USAGE.test(line)) this.#usage = line.slice(PREFIX.length)
  }

  #allEnded(event: unknown): boolean {
    const choices = readField(event, 'choices')
    if (!Array.isArray(choices)) return true
    for (const choice of choices.slice(0, this.#choices)) {
      if (typeof readField(choice, 'finish_reason') === 'string') this.#endedChoices.add(readField(choice, 'index'))
    }
    return this.#endedChoices.size >= this.#choices
  }

  #failure(at: number): Classification | undefined {
    const event = this.#failed
    if (event === undefined) return undefined
    const error = errorOf(event)
    if (error !== undefined) return classifyOpenaiBody(error, at)
    // The error event of the Responses API is the error itself; its type says no more than that.
    if (readField(event, 'type') !== 'error') return { type: 'unknown_error' }
    return classifyOpenaiBody({ code: readField(event, 'code'), message: readField(event, 'message') }, at)
  }

  #measure(): Measurement | undefined {
    const event = this.#usage === undefined ? undefined : parsed(this.#usage)
    const response = readField(event, 'response')
    const body = isObject(response) ? response : event
    return body === undefined && this.#request === undefined ? undefined : measureOpenai(body ?? {}, this.#request, this.#book)
  }
}

/** `n` of a request, for each of its prompts. Where that is no number that can be, one. */
function choicesOf(request: CallRequest | undefined): number {
  const n = readField(request?.body, 'n')
  const prompt = readField(request?.body, 'prompt')
  const choices = typeof n === 'number' && Number.isInteger(n) && n >= 1 && n <= MOST_CHOICES ? n : 1
  // Several prompts are a list of texts or of lists of tokens; a list of numbers is one.
  const prompts = Array.isArray(prompt) && prompt.length > 0 && typeof prompt[0] !== 'number' ? prompt.length : 1
  return request?.operation === 'completions' ? Math.min(choices * prompts, MOST_CHOICES) : choices
}

/** The event, if it tells of an error: it may be an answer that repeats the request's tools, one of which has a field `error`. */
function failureIn(event: unknown): object | undefined {
  if (!isObject(event)) return undefined
  const type = readField(event, 'type')
  return errorOf(event) !== undefined || type === 'error' || type === 'response.failed' ? event : undefined
}

function errorOf(event: unknown): unknown {
  const error = readField(event, 'error') ?? readField(readField(event, 'response'), 'error')
  return isObject(error) || typeof error === 'string' ? error : undefined
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(utf8Of(text)) as unknown
  } catch {
    return undefined
  }
}
