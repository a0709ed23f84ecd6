// Decodes the messages of one node's journal, session by session, as the lines of a file are decoded. What is no line, does not
// fit or is missing is told with the place in the stream where that was seen.
import { JournalError } from '../../model/errors.ts'
import { BEGINNING, JournalDecoder, type JournalEntry } from '../journalDecoder.ts'
import { NEWLINE } from '../journalLine.ts'
import type { JournalMessageId } from './journalStream.ts'

export class JournalSession {
  readonly id: string
  readonly #file: string
  readonly #decoder: JournalDecoder
  #number: number
  /** Lines that were complete before the present message, and where in the stream the one before it is. */
  #lines = 0
  #previous = 0
  #torn = 0
  #endsWithLine = true

  /** Begins with the message of this id, whose first line goes on from `previousCrc`. */
  constructor(file: string, { session, number }: JournalMessageId, previousCrc: number) {
    this.id = session
    this.#file = file
    this.#number = number - 1
    const onTorn = ({ bytes }: { readonly bytes: number }): void => {
      this.#torn = bytes
    }
    this.#decoder = new JournalDecoder({ file, cipher: undefined, onTorn, onProblem: undefined }, { ...BEGINNING, previousCrc })
  }

  /** The records that are complete with this message. Throws a JournalError when it is not what was written. */
  take(number: number, body: Uint8Array, sequence: number): JournalEntry[] {
    if (number !== this.#number + 1) {
      const missing = number - this.#number - 1
      throw new JournalError(this.#file, sequence, missing > 0 ? `${missing} messages before this one are missing` : DOUBLED)
    }
    this.#number = number
    const entries: JournalEntry[] = []
    try {
      for (let start = 0; start < body.length; ) {
        const space = this.#decoder.space()
        const length = Math.min(space.length, body.length - start)
        space.set(body.subarray(start, start + length))
        entries.push(...this.#decoder.take(length))
        start += length
      }
    } catch (error) {
      throw this.#placed(error, sequence)
    }
    for (const byte of body) if (byte === NEWLINE) this.#lines++
    this.#endsWithLine = body.at(-1) === NEWLINE
    this.#previous = sequence
    return entries.map(({ record }) => ({ line: sequence, record }))
  }

  /** After the last message: how many bytes of a line were cut off, because its process ended before the rest was stored. */
  end(): { readonly sequence: number; readonly bytes: number } | undefined {
    try {
      this.#decoder.end()
    } catch (error) {
      throw this.#placed(error, this.#previous)
    }
    if (this.#torn === 0) return undefined
    // In a file that may be a crash in mid-write; a message is there whole or not at all.
    if (this.#endsWithLine) throw new JournalError(this.#file, this.#previous, 'its last line was altered')
    return { sequence: this.#previous, bytes: this.#torn }
  }

  /** With its place in the stream: a bad line is only told of when the next one follows, which may be in the next message. */
  #placed(error: unknown, sequence: number): unknown {
    if (!(error instanceof JournalError)) return error
    return new JournalError(this.#file, error.line > this.#lines ? sequence : this.#previous, error.problem)
  }
}

const DOUBLED = 'this message is doubled, or was moved here'
