// Prints lines as fast as they are read, and no faster: what nobody can keep up with is counted instead, so that the bus is not
// held up by a slow terminal, and memory not filled.

interface Output {
  readonly writableLength: number
  write(text: string): unknown
}

/** What may wait to be printed, bytes. */
const MOST = 1_048_576

export class Screen {
  /** Lines that were not printed. */
  unshown = 0
  readonly #output: Output

  constructor(output: Output) {
    this.#output = output
  }

  print(line: string): void {
    if (this.#output.writableLength > MOST) this.unshown++
    else this.#output.write(`${line}\n`)
  }
}
