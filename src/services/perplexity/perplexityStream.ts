// Reads a streamed answer of Perplexity in passing: the typed events of the Agent API, each one line of `data:` with a `type`,
// and the chunks of the retired Sonar chat completions, full or concise. A stream without its last word was broken off.
//
// Sources: ResponseStreamEvent and StreamChunk of @perplexity-ai/perplexity_ai 0.38.5; what ends a stream, in
// perplexityai/api-platform-developers@228c88d (response-and-streaming.md); docs.perplexity.ai, "Stream mode: concise vs full".
import type { Classification } from '../../model/failures.ts'
import type { Measurement } from '../../model/measurement.ts'
import { readList } from '../foreignList.ts'
import { isObject, readField } from '../foreignValue.ts'
import { LineSplitter, utf8Of } from '../serverSentEvents.ts'
import type { StreamEnd, StreamReader } from '../serviceProfile.ts'
import {
  answerWith,
  LONGEST_TEXT,
  MOST_RESULTS,
  type PerplexityAnswer,
  readAnswer,
  readResult,
  type SearchResult,
  sourcesOf,
} from './perplexityAnswer.ts'
import { classifyPerplexityError, failedRun } from './perplexityFailure.ts'

/** What is made of an answer once it has ended. */
export type Measured = (answer: PerplexityAnswer) => Measurement

export class PerplexityStream implements StreamReader {
  readonly #measured: Measured
  readonly #lines = new LineSplitter((line, isHead) => this.#takeLine(line, isHead))
  #text = ''
  #results: SearchResult[] = []
  #pages: readonly string[] = []
  #searched = false
  /** The last event that stated its usage, or any. */
  #facts: unknown
  #snapshot: PerplexityAnswer | undefined
  #failure: { readonly error: unknown } | 'cancelled' | undefined
  #ended = false
  /** A line too long to read may have been the last word. */
  #unread = false

  constructor(measured: Measured) {
    this.#measured = measured
  }

  push(chunk: Uint8Array): void {
    this.#lines.push(chunk)
  }

  end(at: number): StreamEnd {
    this.#lines.end()
    const said = this.#said(at)
    const answer =
      this.#snapshot ??
      answerWith(this.#facts, { text: this.#text, results: this.#results, pages: this.#pages, searched: this.#searched })
    const measured = this.#measured(answer)
    if (said === undefined) return { measured, final: this.#ended }
    // Half an answer is not judged.
    const { quality: _, ...known } = measured
    return { said, measured: known, final: this.#failure !== undefined }
  }

  #said(at: number): Classification | undefined {
    if (this.#failure === 'cancelled') return 'ignored'
    if (this.#failure !== undefined) return classifyPerplexityError(this.#failure.error, at)
    return this.#ended || this.#unread ? undefined : { type: 'service_unavailable' }
  }

  #takeLine(line: string, isHead: boolean): void {
    const data = /^data:\s?/.exec(line)
    if (data === null) return
    if (isHead) {
      this.#unread = true
      return
    }
    const text = line.slice(data[0].length)
    if (text.startsWith('[DONE]')) this.#ended = true
    else this.#take(parsed(utf8Of(text)))
  }

  #take(event: unknown): void {
    if (!isObject(event)) return
    const type = readField(event, 'type')
    if (typeof type === 'string' && type.startsWith('response.')) this.#takeEvent(type, event)
    else if (Array.isArray(readField(event, 'choices'))) this.#takeChunk(event)
    else if (type === 'error' || isObject(readField(event, 'error'))) {
      this.#failure ??= { error: readField(event, 'error') ?? event }
    }
  }

  #takeEvent(type: string, event: unknown): void {
    const response = readField(event, 'response')
    switch (type) {
      case 'response.output_text.delta':
        this.#addText(readField(event, 'delta'))
        break
      case 'response.reasoning.search_results':
        this.#addResults(event)
        break
      case 'response.output_item.done':
        if (readField(readField(event, 'item'), 'type') === 'search_results') this.#addResults(readField(event, 'item'))
        break
      case 'response.completed':
      case 'response.incomplete':
        this.#ended = true
        this.#snapshot = readAnswer(response)
        if (failedRun(response, 0) !== undefined) this.#failure ??= { error: readField(response, 'error') }
        break
      case 'response.failed':
        this.#failure ??= { error: readField(event, 'error') ?? readField(response, 'error') }
        this.#snapshot = readAnswer(response)
        break
      case 'response.cancelled':
        this.#failure ??= 'cancelled'
        this.#snapshot = readAnswer(response)
        break
      default:
        if (this.#facts === undefined && isObject(response)) this.#facts = { model: readField(response, 'model') }
    }
  }

  #takeChunk(chunk: unknown): void {
    const choice = readList(chunk, 'choices', 1)[0]
    this.#addText(readField(readField(choice, 'delta'), 'content'))
    // In full mode each chunk holds all that was said so far.
    const whole = readField(readField(choice, 'message'), 'content')
    if (typeof whole === 'string' && whole.length > this.#text.length) this.#text = whole.slice(0, LONGEST_TEXT)
    const { results, pages } = sourcesOf(chunk)
    if (results.length > 0) this.#results = [...results]
    if (pages.length > 0) this.#pages = pages
    if (this.#facts === undefined || isObject(readField(chunk, 'usage'))) {
      this.#facts = { model: readField(chunk, 'model'), usage: readField(chunk, 'usage') }
    }
    const ended =
      typeof readField(choice, 'finish_reason') === 'string' ||
      readField(chunk, 'object') === 'chat.completion.done' ||
      readField(chunk, 'type') === 'end_of_stream'
    if (ended) this.#ended = true
  }

  #addText(text: unknown): void {
    if (typeof text === 'string') this.#text += text.slice(0, LONGEST_TEXT - this.#text.length)
  }

  #addResults(holder: unknown): void {
    this.#searched = true
    for (const entry of readList(holder, 'results', MOST_RESULTS)) {
      const result = readResult(entry)
      // An item repeats what its event has told.
      if (result !== undefined && this.#results.length < 2 * MOST_RESULTS) this.#results.push(result)
    }
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
