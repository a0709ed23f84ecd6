// A picture on a terminal that is redrawn where it stands. What was printed before stays above it; the last picture stays.

export interface Terminal {
  readonly columns?: number
  readonly rows?: number
  write(text: string): unknown
}

const ESC = '\u001b['

export class LiveScreen {
  readonly #terminal: Terminal
  #lines = 0
  #open = false
  readonly #restore = (): void => this.end()

  constructor(terminal: Terminal) {
    this.#terminal = terminal
  }

  /** Columns a line may have. */
  get width(): number {
    return Math.max(20, (this.#terminal.columns ?? 80) - 1)
  }

  /** Lines a picture may have: one is left for the cursor. */
  get height(): number {
    return Math.max(3, (this.#terminal.rows ?? 24) - 1)
  }

  /** Puts `lines`, none wider than {@link width}, in place of the last picture. */
  draw(lines: readonly string[]): void {
    const shown = lines.slice(0, this.height)
    const opening = this.#open ? '' : `${ESC}?25l`
    if (!this.#open) {
      this.#open = true
      process.once('exit', this.#restore)
    }
    const home = this.#lines > 0 ? `\r${ESC}${Math.min(this.#lines, this.height)}A` : '\r'
    // Within a synchronised update, so that no half-drawn picture is seen.
    this.#terminal.write(`${ESC}?2026h${opening}${home}${shown.map((line) => `${line}${ESC}K\n`).join('')}${ESC}J${ESC}?2026l`)
    this.#lines = shown.length
  }

  /** Leaves the last picture and gives the cursor back. */
  end(): void {
    if (!this.#open) return
    this.#open = false
    this.#lines = 0
    process.off('exit', this.#restore)
    this.#terminal.write(`${ESC}?25h`)
  }
}
