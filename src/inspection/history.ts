// What a page that connects late is told: the last messages, and before them how each actor stood that they do not tell of.

export interface Message {
  readonly type: '@xstate.actor' | '@xstate.event' | '@xstate.snapshot'
  readonly sessionId: string
  /** A snapshot of an actor that has ended. */
  readonly ends: boolean
  /** As it is sent. */
  readonly text: string
}

/** Actors remembered beyond the last messages; each costs its definition, about 40 kB. */
const MOST_ACTORS = 256

export class History {
  readonly #last: Message[] = []
  readonly #actors = new Map<string, { registration: string; snapshot?: string }>()
  readonly #kept: number

  constructor(kept = 200) {
    this.#kept = kept
  }

  add(message: Message): void {
    this.#last.push(message)
    const tooMany = Math.max(0, this.#last.length - this.#kept)
    for (const oldest of this.#last.splice(0, tooMany)) this.#fold(oldest)
  }

  /** Everything a newcomer needs, in order. */
  messages(): string[] {
    const standing = [...this.#actors.values()].flatMap(({ registration, snapshot }) =>
      snapshot === undefined ? [registration] : [registration, snapshot],
    )
    return [...standing, ...this.#last.map(({ text }) => text)]
  }

  /** What leaves the last messages goes into how its actor stood. */
  #fold({ type, sessionId, ends, text }: Message): void {
    if (type === '@xstate.actor') {
      this.#actors.set(sessionId, { registration: text })
      const [eldest] = this.#actors.keys()
      if (this.#actors.size > MOST_ACTORS && eldest !== undefined) this.#actors.delete(eldest)
    } else if (ends) {
      this.#actors.delete(sessionId)
    } else if (type === '@xstate.snapshot') {
      const actor = this.#actors.get(sessionId)
      if (actor) actor.snapshot = text
    }
  }
}
