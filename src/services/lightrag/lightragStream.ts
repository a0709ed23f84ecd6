// Reads the stream of `/query/stream` in passing: NDJSON lines `{references}`, `{response}`, and `{error}` where it breaks
// (lightrag/api/routers/query_routes.py; `{progress}` and `{response_time}` are passed over). A stream without an answer is broken.
import type { Classification } from '../../model/failures.ts'
import { isObject, readField } from '../foreignValue.ts'
import { type NdjsonLine, NdjsonSplitter } from '../ndjson.ts'
import type { StreamEnd, StreamReader } from '../serviceProfile.ts'
import { AnswerText, type LightragAnswer, type References, readFlag, readReferences } from './lightragAnswer.ts'
import { errorTextOf, inDetail } from './lightragFailure.ts'

/** Told once, when a stream has ended: its answer, or the words of its error. */
export interface StreamTold {
  answered(answer: LightragAnswer): StreamEnd
  failed(text: string, said: Classification): StreamEnd
}

export class LightragStream implements StreamReader {
  readonly #told: StreamTold
  readonly #lines = new NdjsonSplitter((line) => this.#take(line))
  readonly #text = new AnswerText()
  #responses = 0
  #references: References | undefined
  #generated: boolean | undefined
  #error: string | undefined
  #brokenOff = false
  /** A line came that is always the last: an error, a complete answer in one line, the time it took. */
  #final = false

  constructor(told: StreamTold) {
    this.#told = told
  }

  push(chunk: Uint8Array): void {
    this.#lines.push(chunk)
  }

  end(_at: number): StreamEnd {
    this.#lines.end()
    const end = this.#ended()
    return this.#final ? { ...end, final: true } : end
  }

  #ended(): StreamEnd {
    // The server itself says that it broke: an error of its own, as a 500 would be.
    if (this.#error !== undefined) return this.#told.failed(this.#error, inDetail({ type: 'http_error' }, this.#error))
    if (this.#responses === 0 || this.#brokenOff) return this.#told.failed('', { type: 'service_unavailable' })
    if (this.#text.isPlaceholder) return this.#told.failed('', { type: 'http_error' })
    return this.#told.answered({
      operation: 'query_stream',
      broke: false,
      answered: this.#text.answers,
      generated: this.#generated,
      references: this.#references,
    })
  }

  #take(line: NdjsonLine): void {
    // Only the last line can be cut off; one that is malformed and has others after it is somebody's comment.
    this.#brokenOff = line === 'malformed'
    if (line === 'malformed') return
    if ('begins' in line) this.#takeBeginning(line.begins)
    else if (isObject(line.value)) this.#takeLine(line.value)
  }

  #takeLine(value: Record<string, unknown>): void {
    const error = readField(value, 'error')
    if (error !== undefined && error !== null && error !== false) this.#fail(errorTextOf(value) ?? '')
    const response = readField(value, 'response')
    if (typeof response === 'string') {
      this.#responses++
      this.#text.add(response)
    }
    this.#references ??= readReferences(readField(value, 'references'))
    this.#generated ??= readFlag(value, 'llm_generated')
    if (this.#responses > 0 && (readField(value, 'llm_generated') ?? readField(value, 'response_time')) !== undefined)
      this.#final = true
  }

  /** A line too long to read is an answer, or an error, by its first key; references as long as that are not counted. */
  #takeBeginning(text: string): void {
    const key = /^\s*\{\s*"(\w+)"/.exec(text)?.[1]
    if (key === 'error') this.#fail(text)
    if (key !== 'response') return
    this.#responses++
    this.#text.add(text)
    this.#text.add(' '.repeat(500))
  }

  #fail(text: string): void {
    this.#error ??= text
    this.#final = true
  }
}
