// Splits a stream of server-sent events into lines as its bytes pass, whatever the chunks are cut at. Used by the profiles of
// services that stream (https://html.spec.whatwg.org/multipage/server-sent-events.html, "Parsing an event stream").

/** A line longer than this many bytes is given up: its head is handed over, and the rest of it skipped. */
export const LONGEST_LINE = 1_048_576
/** So much of a line that is given up is handed over. */
const HEAD = 4096

/** U+FEFF in UTF-8, byte by byte. */
const BYTE_ORDER_MARK = '\xef\xbb\xbf'
const LF = 10
const CR = 13

/** Told of each line that is not empty: its bytes one to one as characters, and whether it is only the head of one too long. */
export type OnLine = (line: string, isHead: boolean) => void

/**
 * Lines end in LF, CR LF or CR. Text is handed over as Latin-1, so that a character cut in two by a chunk is no concern;
 * {@link utf8Of} turns it into what it means. A byte order mark at the beginning is no part of the first line. Keeps at most one line of {@link LONGEST_LINE} bytes.
 */
export class LineSplitter {
  readonly #onLine: OnLine
  #begun = false
  #held: Buffer | undefined
  #length = 0
  #skipping = false

  constructor(onLine: OnLine) {
    this.#onLine = onLine
  }

  push(chunk: Uint8Array): void {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    let nextLf = bytes.indexOf(LF)
    let nextCr = bytes.indexOf(CR)
    let start = 0
    while (nextLf >= 0 || nextCr >= 0) {
      const end = nextCr < 0 || (nextLf >= 0 && nextLf < nextCr) ? nextLf : nextCr
      this.#line(bytes, start, end)
      start = end + 1
      if (end === nextLf) nextLf = bytes.indexOf(LF, start)
      else nextCr = bytes.indexOf(CR, start)
    }
    this.#hold(bytes, start)
  }

  /** The stream is over: a last line without an end counts. */
  end(): void {
    if (this.#length > 0) this.#hand(this.#take(), false)
    this.#held = undefined
  }

  #line(bytes: Buffer, start: number, end: number): void {
    if (this.#skipping) this.#skipping = false
    else if (this.#length > 0) {
      this.#hold(bytes.subarray(0, end), start)
      if (this.#length > 0) this.#hand(this.#take(), false)
      this.#skipping = false
    } else if (end > start) {
      const isTooLong = end - start > LONGEST_LINE
      this.#hand(bytes.toString('latin1', start, isTooLong ? start + HEAD : end), isTooLong)
    }
  }

  /** Keeps what stands at the end of a chunk, in a buffer that grows to twice its size and is used again. */
  #hold(bytes: Buffer, start: number): void {
    const more = bytes.length - start
    if (more === 0 || this.#skipping) return
    const length = this.#length + more
    if (length > LONGEST_LINE) {
      this.#giveUp(bytes, start)
      return
    }
    if (this.#held === undefined || this.#held.length < length) {
      const grown = Buffer.allocUnsafe(Math.max(length, 2 * (this.#held?.length ?? 512)))
      this.#held?.copy(grown, 0, 0, this.#length)
      this.#held = grown
    }
    bytes.copy(this.#held, this.#length, start)
    this.#length = length
  }

  #giveUp(bytes: Buffer, start: number): void {
    const before = this.#held?.toString('latin1', 0, Math.min(this.#length, HEAD)) ?? ''
    const rest = HEAD - before.length
    this.#held = undefined
    this.#length = 0
    this.#skipping = true
    this.#hand(before + bytes.toString('latin1', start, Math.min(bytes.length, start + rest)), true)
  }

  #hand(line: string, isHead: boolean): void {
    const marked = !this.#begun && line.startsWith(BYTE_ORDER_MARK)
    this.#begun = true
    if (!marked) this.#onLine(line, isHead)
    else if (line.length > BYTE_ORDER_MARK.length) this.#onLine(line.slice(BYTE_ORDER_MARK.length), isHead)
  }

  #take(): string {
    const line = this.#held?.toString('latin1', 0, this.#length) ?? ''
    this.#length = 0
    return line
  }
}

export function utf8Of(line: string): string {
  return Buffer.from(line, 'latin1').toString('utf8')
}
