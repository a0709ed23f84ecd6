// When runs of failures of one service began: those that became episodes, and those that would have been one but for the service's
// scatter. Onsets for pairs and rhythms; owned by episodeDetector.ts.
import { dropOldest } from './dropOldest.ts'

const REMEMBERED = 64

export class NotedRuns {
  /** Epoch ms, oldest first. */
  readonly begun: number[] = []
  /** Whether the run that goes on is among them. */
  #current = false

  get noted(): boolean {
    return this.#current
  }

  /** Puts the run that goes on among them, or moves it there. */
  note(from: number): void {
    if (this.#current) this.begun.pop()
    this.#current = true
    this.begun.push(from)
    if (this.begun.length > REMEMBERED) this.begun.shift()
  }

  /** The run that went on is over. */
  end(): void {
    this.#current = false
  }

  dropBefore(at: number): void {
    dropOldest(this.begun, (from) => from >= at)
  }
}
