// A connection to NATS that is dialled in the background and for ever: nobody waits for it, and whoever uses it is told when it
// is there and when it is gone. The link of a fleet and its journal have one each.
import { AuthorizationError, connect, type NatsConnection, PermissionViolationError } from '@nats-io/transport-node'
import type { Clock } from '../../model/clock.ts'
import type { BusConfig } from '../../model/fleet/busConfig.ts'
import { freshSeed, type Random, seededRandom } from '../../model/random.ts'
import { connectionOptions, RETRY } from './connectionOptions.ts'
import { Pauses, within } from './due.ts'
import { firstToAnswer } from './firstToAnswer.ts'

export type ConnectionNews =
  /** `fresh`: a new client, on which nothing is subscribed yet. */
  | { readonly type: 'connected'; readonly nc: NatsConnection; readonly fresh: boolean }
  | { readonly type: 'disconnected' }
  /** The server forbids it: to publish to a subject, to subscribe to it, or to be here at all. */
  | { readonly type: 'refused'; readonly what: string }
  | { readonly type: 'trouble'; readonly code: string; readonly message: string }

/** Wraps a request, to reject as soon as the connection is lost. */
export type WhileUp = <T>(request: Promise<T>) => Promise<T>

/** How long what was sent may take to arrive when we leave, ms. */
const LAST_WORDS = 2000
/** How long a server may take to say that it is there, ms. */
const PATIENCE = 2000
const LOST = 'the connection to the server was lost'

export class BusConnection {
  readonly #config: BusConfig
  readonly #clock: Clock
  readonly #name: string
  readonly #tell: (news: ConnectionNews) => void
  readonly #random: Random = seededRandom(freshSeed())
  readonly #pauses: Pauses
  readonly #stop = new AbortController()
  #client: NatsConnection | undefined
  #up = false
  #closing: Promise<void> | undefined
  /** Requests under way: the client forgets them with the connection and only tells when their time is up. */
  readonly #asked = new Set<(reason: Error) => void>()
  readonly #dialling: Promise<void>

  /** Begins to connect, and tells `tell` of all that happens, never before this returns. `name` is what the server shows. */
  constructor(config: BusConfig, name: string, clock: Clock, tell: (news: ConnectionNews) => void) {
    this.#config = config
    this.#name = name
    this.#clock = clock
    this.#tell = tell
    this.#pauses = new Pauses(clock, true)
    this.#dialling = this.#dial()
  }

  /** The client while it is connected, as far as is known. */
  get client(): NatsConnection | undefined {
    return this.#up ? this.#client : undefined
  }

  /** `request`, or a rejection as soon as the connection it was made on is lost. */
  readonly whileUp = <T>(request: Promise<T>): Promise<T> => {
    if (!this.#up) {
      request.catch(() => undefined)
      return Promise.reject(new Error(LOST))
    }
    return new Promise((resolve, reject) => {
      this.#asked.add(reject)
      request.then(resolve, reject).finally(() => this.#asked.delete(reject))
    })
  }

  /** Sends what the client still holds, as far as that can be done within `ms`, and disconnects. Never rejects. */
  close(ms: number = LAST_WORDS): Promise<void> {
    this.#closing ??= this.#close(ms)
    return this.#closing
  }

  async #close(ms: number): Promise<void> {
    this.#pauses.end()
    this.#stop.abort()
    for (const reject of this.#asked) reject(new Error(LOST))
    const client = this.#client
    if (client !== undefined) {
      if (this.#up) await within(this.#clock, ms, client.drain())
      await client.close().catch(() => undefined)
      discard(client)
    }
    // One that is being dialled at last ends by itself within its timeout and finds that it is not wanted any more.
    if (client !== undefined) await within(this.#clock, PATIENCE, this.#dialling)
  }

  async #dial(): Promise<void> {
    // Whoever made this is still being made itself.
    await Promise.resolve()
    while (this.#closing === undefined) {
      try {
        const options = connectionOptions(this.#config, this.#name)
        const servers = await firstToAnswer(this.#shuffled(), this.#clock, PATIENCE, this.#stop.signal)
        const client = await connect({ ...options, servers: [...servers], noRandomize: true })
        this.#client = client
        if (this.#closing === undefined) await this.#follow(client)
        else await client.close()
      } catch (error) {
        this.#failed(error)
      }
      this.#client = undefined
      await this.#pauses.wait(RETRY * (1 + this.#random.next()))
    }
  }

  /** In another order for each process and try, so that not all go to the same one. */
  #shuffled(): string[] {
    const keyed = this.#config.servers.map((server) => ({ server, key: this.#random.next() }))
    return keyed.sort((a, b) => a.key - b.key).map(({ server }) => server)
  }

  /** Until the client has closed, which it does by itself only when it cannot go on. */
  async #follow(client: NatsConnection): Promise<void> {
    const statuses = client.status()
    this.#rise(client, true)
    for await (const status of statuses) {
      if (status.type === 'disconnect') this.#fall()
      else if (status.type === 'reconnect') this.#rise(client, false)
      else if (status.type === 'error') this.#failed(status.error)
    }
    this.#fall()
    const reason = await client.closed()
    if (reason instanceof Error) this.#failed(reason)
  }

  #rise(nc: NatsConnection, fresh: boolean): void {
    if (this.#closing !== undefined) return
    this.#up = true
    this.#tell({ type: 'connected', nc, fresh })
  }

  #fall(): void {
    if (!this.#up) return
    this.#up = false
    for (const reject of this.#asked) reject(new Error(LOST))
    this.#asked.clear()
    this.#tell({ type: 'disconnected' })
  }

  #failed(error: unknown): void {
    if (this.#closing !== undefined) return
    if (error instanceof PermissionViolationError) {
      const { operation, subject } = error
      // Each try has an inbox of its own: they are refused all alike.
      const inboxes = `${this.#config.inboxPrefix ?? '_INBOX'}.`
      const what = subject.startsWith(inboxes) ? `${inboxes}>` : subject
      this.#tell({ type: 'refused', what: `${operation === 'publish' ? 'publish to' : 'subscribe to'} ${what}` })
    } else if (error instanceof AuthorizationError) {
      this.#tell({ type: 'refused', what: `connect: ${error.message}` })
    } else {
      this.#tell({ type: 'trouble', code: 'unreachable', message: messageOf(error) })
    }
  }
}

/**
 * A client that is closed while it dials anew leaves the socket it dials with behind; it knows how to let go of it, and does so
 * only when it dials once more.
 */
export function discard(client: NatsConnection): void {
  const { protocol } = client as unknown as { readonly protocol?: { readonly transport?: { discard?(): void } } }
  protocol?.transport?.discard?.()
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const cause = error.cause instanceof Error ? `: ${error.cause.message}` : ''
  return `${error.message}${cause}`
}
