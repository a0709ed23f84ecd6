// Takes newline-delimited JSON (https://github.com/ndjson/ndjson-spec) apart as its bytes pass, whatever the chunks: each line
// is parsed once it is complete, and one that is too long to keep is told by its beginning.

/** What became of one line that was not blank. */
export type NdjsonLine = { readonly value: unknown } | 'malformed' | { readonly begins: string }

/** Longer lines are not kept, bytes. */
const LONGEST_LINE = 1_048_576
/** What is kept of a line that is too long, bytes. */
const BEGINNING = 64
const NEWLINE = 10

export class NdjsonSplitter {
  readonly #tell: (line: NdjsonLine) => void
  /** Of the line that is not complete yet; grows by doubling, so that many small chunks cost no more than one large one. */
  #kept = new Uint8Array(256)
  #length = 0
  #tooLong = false

  constructor(tell: (line: NdjsonLine) => void) {
    this.#tell = tell
  }

  push(chunk: Uint8Array): void {
    let from = 0
    for (;;) {
      const newline = chunk.indexOf(NEWLINE, from)
      if (newline === -1) break
      this.#keep(chunk, from, newline)
      this.#complete()
      from = newline + 1
    }
    this.#keep(chunk, from, chunk.length)
  }

  /** A last line needs no newline. */
  end(): void {
    this.#complete()
  }

  #keep(chunk: Uint8Array, from: number, to: number): void {
    if (this.#tooLong || from === to) return
    const length = this.#length + to - from
    if (length > LONGEST_LINE) {
      const room = Math.max(0, BEGINNING - this.#length)
      if (room > 0) this.#keep(chunk, from, from + room)
      this.#kept = this.#kept.slice(0, BEGINNING)
      this.#length = BEGINNING
      this.#tooLong = true
      return
    }
    if (length > this.#kept.length) {
      const larger = new Uint8Array(Math.max(length, this.#kept.length * 2))
      larger.set(this.#kept.subarray(0, this.#length))
      this.#kept = larger
    }
    this.#kept.set(chunk.subarray(from, to), this.#length)
    this.#length = length
  }

  #complete(): void {
    const tooLong = this.#tooLong
    const text = decoder.decode(this.#kept.subarray(0, this.#length))
    this.#length = 0
    this.#tooLong = false
    if (tooLong) this.#tell({ begins: text })
    else if (/\S/.test(text)) this.#tell(parsed(text))
  }
}

const decoder = new TextDecoder()

function parsed(text: string): NdjsonLine {
  try {
    return { value: JSON.parse(text) }
  } catch {
    return 'malformed'
  }
}
