// A TCP proxy on loopback that stands between a client and a server and spoils the line: cut, silent, or slow.
import { createServer, type Server, type Socket, connect as tcpConnect } from 'node:net'
import { onTestFinished } from 'vitest'

export interface Proxy {
  readonly port: number
  /** Connections open now. */
  readonly open: number
  /** Connections that came in a partition and are still there. */
  readonly waiting: number
  /**
   * Nothing passes any more, in both directions or from the server only, and nobody is told: connections stay, new ones get no
   * answer.
   */
  partition(what?: 'all' | 'answers'): void
  /** Nothing of what the server says passes any more once a client has said these words, which reach it. */
  loseAnswersFrom(words: string): void
  /** As before. Connections from before the partition are ended, as their bytes are gone. */
  heal(): void
  /** Ends every connection; new ones are taken. */
  cut(): void
  /** Each piece of bytes is passed on this much later, ms; 0: at once. */
  delay(ms: number): void
  close(): Promise<void>
}

/** Passes on to `target` on loopback; ends with the test. */
export async function proxy(target: number): Promise<Proxy> {
  const line = new Line(target)
  await line.listen()
  onTestFinished(() => line.close())
  return line
}

/** One without a test around it. */
export async function unboundProxy(target: number): Promise<Proxy> {
  const line = new Line(target)
  await line.listen()
  return line
}

class Line implements Proxy {
  readonly #target: number
  readonly #server: Server
  readonly #pairs = new Set<readonly [Socket, Socket]>()
  /** Those that came while nothing passed: they are connected, and hear nothing. */
  readonly #waiting = new Set<Socket>()
  #silent = false
  /** Only what the server says is lost. */
  #mute = false
  /** Once a client says them the server is mute. */
  #lastWords: string | undefined
  #delay = 0

  constructor(target: number) {
    this.#target = target
    this.#server = createServer((client) => this.#take(client))
  }

  get port(): number {
    const address = this.#server.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  }

  get open(): number {
    return this.#pairs.size
  }

  get waiting(): number {
    return this.#waiting.size
  }

  listen(): Promise<void> {
    return new Promise((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
  }

  partition(what: 'all' | 'answers' = 'all'): void {
    if (what === 'all') this.#silent = true
    else this.#mute = true
  }

  loseAnswersFrom(words: string): void {
    this.#lastWords = words
  }

  heal(): void {
    this.#silent = false
    this.#mute = false
    this.#lastWords = undefined
    this.cut()
  }

  cut(): void {
    for (const [client, upstream] of this.#pairs) {
      client.destroy()
      upstream.destroy()
    }
    for (const client of this.#waiting) client.destroy()
    this.#waiting.clear()
  }

  delay(ms: number): void {
    this.#delay = ms
  }

  close(): Promise<void> {
    this.cut()
    return new Promise((resolve) => this.#server.close(() => resolve()))
  }

  #take(client: Socket): void {
    client.on('error', () => undefined)
    if (this.#silent || this.#mute) {
      this.#waiting.add(client)
      client.on('close', () => this.#waiting.delete(client))
      client.resume()
      return
    }
    const upstream = tcpConnect(this.#target, '127.0.0.1')
    const pair = [client, upstream] as const
    this.#pairs.add(pair)
    upstream.on('error', () => undefined)
    client.on('data', (bytes) => {
      if (this.#lastWords !== undefined && bytes.includes(this.#lastWords)) this.#mute = true
    })
    this.#pass(client, upstream, () => this.#silent)
    this.#pass(upstream, client, () => this.#silent || this.#mute)
    const end = (): void => {
      this.#pairs.delete(pair)
      // Of a side that goes away in a partition the other one does not hear.
      if (this.#silent) return
      client.destroy()
      upstream.destroy()
    }
    client.on('close', end)
    upstream.on('close', end)
  }

  #pass(from: Socket, to: Socket, isLost: () => boolean): void {
    from.setNoDelay(true)
    const write = (bytes: Buffer): void => {
      if (!isLost()) to.write(bytes)
    }
    from.on('data', (bytes) => {
      if (this.#delay === 0) write(bytes)
      else setTimeout(write, this.#delay, bytes)
    })
  }
}
