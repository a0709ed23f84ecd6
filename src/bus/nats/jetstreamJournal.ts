// The journal as messages of a JetStream stream: the same lines as in a file, some at a time. Records are taken into memory and
// sent within 50 ms; each message is sent until the server has acknowledged it, and is stored once. A server that is away costs
// records only when the memory for them is full, counted, and never a call.
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { NatsConnection } from '@nats-io/transport-node'
import { type Clock, systemClock } from '../../model/clock.ts'
import type { BusConfig } from '../../model/fleet/busConfig.ts'
import { journalSubject } from '../../model/fleet/subjects.ts'
import type { GearEvent } from '../../model/records.ts'
import { Due } from '../../model/timer.ts'
import type { HeaderSource, Journal } from '../journal.ts'
import { JournalWarnings } from '../journalWarnings.ts'
import { isConflict, isMissing, isWithoutJetstream } from './bucket.ts'
import { BusConnection, type ConnectionNews, type WhileUp } from './connection.ts'
import { within } from './due.ts'
import { cut, type JournalMessage, JournalPacker } from './journalPacker.ts'
import { JournalStream, journalFit, messageId } from './journalStream.ts'
import { newSession } from './session.ts'
import type { StreamFit } from './streamFit.ts'

export interface JetstreamJournalOptions {
  readonly bus: BusConfig & { readonly node: string }
  /** Records held in memory at most while the server cannot keep up; more are dropped and counted. Default 65,536. */
  readonly maxBufferRecords?: number
  /** How long a record waits for others, ms. Default 50. */
  readonly flushMs?: number
  /** A header is written again after so many records, for readings to begin there. Default 100,000. */
  readonly headerEvery?: number
  /** And after so long, ms, if there was anything to write. Default 10 minutes. */
  readonly headerAfter?: number
  /** Told of each problem. Default: the process warns, with the code SWITCHGEAR_JOURNAL, once for each spell of trouble. */
  readonly onProblem?: (problem: Error) => void
  /** For several journals of one process. Default: its own. */
  readonly fit?: StreamFit
  readonly clock?: Clock
}

const RETRY = 250
/** For how long `flush` and `close` wait for a server that does not answer, ms. */
const PATIENCE = 2000

export class JetstreamJournal implements Journal {
  /** What stands in the way; undefined while writing works. */
  problem: Error | undefined
  /** Records lost so far. */
  dropped = 0
  readonly #options: JetstreamJournalOptions
  readonly #clock: Clock
  readonly #subject: string
  readonly #session = newSession()
  readonly #maxRecords: number
  readonly #packer: JournalPacker
  readonly #warnings: JournalWarnings | undefined
  readonly #fit: StreamFit
  readonly #due = new Due(() => this.#go())
  #source: HeaderSource | undefined
  #connection: BusConnection | undefined
  #stream: JournalStream | undefined
  #state: 'new' | 'open' | 'closing' | 'closed' = 'new'
  #pending: GearEvent[] = []
  /** In order, to be sent one by one. */
  #messages: JournalMessage[] = []
  /** The first of them may have been stored without our having heard of it. */
  #unsure = false
  #number = 0
  /** Where in the stream our last message is, and the header that it goes on from. */
  #lastSequence: number | undefined
  #headerSequence = 0
  #headerAt = 0
  #sinceHeader = 0
  #gap = 0
  #writing: Promise<void> | undefined
  #accepted = 0
  #settled = 0
  readonly #waiting = new Set<() => void>()

  constructor(options: JetstreamJournalOptions) {
    const { bus, clock = systemClock, maxBufferRecords = 65_536 } = options
    this.#options = options
    this.#clock = clock
    this.#maxRecords = maxBufferRecords
    this.#subject = journalSubject(bus.fleet, bus.node)
    this.#packer = new JournalPacker()
    this.#warnings = options.onProblem === undefined ? new JournalWarnings(this.#subject) : undefined
    this.#fit = options.fit ?? journalFit(bus)
  }

  /** Resolves at once: what is appended waits in memory for the server. */
  async open(header: HeaderSource): Promise<void> {
    if (this.#state !== 'new') throw new Error('the journal has been opened before')
    this.#addHeader(header, 'start')
    this.#source = header
    this.#state = 'open'
    const { bus } = this.#options
    this.#connection = new BusConnection(bus, `switchgear ${bus.node} journal`, this.#clock, (news) => this.#hear(news))
  }

  append(record: GearEvent): void {
    if (this.#state !== 'open') return
    if (this.#gap > 0 || this.#accepted - this.#settled >= this.#maxRecords) {
      this.#gap++
      this.dropped++
      return
    }
    this.#accepted++
    if (this.#pending.push(record) === 1) this.#schedule(this.#options.flushMs ?? 50)
  }

  /** Rejects when that cannot be done within 2 s, with what stands in the way; it is tried again later. */
  async flush(): Promise<void> {
    if (this.#state !== 'open' && this.#state !== 'closing') return
    // Not in the middle of what the caller is doing: a header must tell a state that has settled.
    await nextTurn()
    const mark = this.#accepted
    const done = new Promise<void>((resolve) => {
      const look = (): void => {
        if (this.#settled < mark || this.#gap > 0 || this.#messages.length > 0) return
        this.#waiting.delete(look)
        resolve()
      }
      this.#waiting.add(look)
      look()
    })
    this.#go()
    if (await within(this.#clock, PATIENCE, done)) return
    this.#waiting.clear()
    throw this.problem ?? new Error('the server has not confirmed the journal in time')
  }

  /** Sends what is left, as far as that can be done within 2 s. Does not throw: what was lost is in `dropped`. */
  async close(): Promise<void> {
    if (this.#state === 'new') this.#state = 'closed'
    if (this.#state !== 'open') return
    this.#state = 'closing'
    await this.flush().catch(() => undefined)
    this.#state = 'closed'
    this.#clock.disarm(this.#due)
    this.dropped += this.#accepted - this.#settled
    this.#warnings?.closed(this.dropped, this.#clock.now())
    await this.#connection?.close()
  }

  #hear(news: ConnectionNews): void {
    if (news.type === 'connected') {
      this.#stream = undefined
      this.#go()
    } else if (news.type === 'disconnected') this.#note(new Error('the connection to the server is lost'))
    else if (news.type === 'refused') this.#note(new Error(`the server refuses to let us ${news.what}`))
    else this.#note(new Error(news.message))
  }

  #schedule(ms: number): void {
    if (!this.#due.armed && this.#state === 'open') this.#clock.arm(this.#due, this.#clock.now() + ms)
  }

  #go(): void {
    if (this.#state !== 'open' && this.#state !== 'closing') return
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined
      for (const look of [...this.#waiting]) look()
      if (this.#messages.length > 0 && this.#connection?.client !== undefined) {
        this.#clock.arm(this.#due, this.#clock.now() + RETRY)
      } else if (this.#pending.length > 0) this.#schedule(this.#options.flushMs ?? 50)
    })
  }

  async #write(): Promise<void> {
    for (;;) {
      const connection = this.#connection
      const client = connection?.client
      if (connection === undefined || client === undefined) return
      try {
        this.#stream ??= await this.#open({ client, whileUp: connection.whileUp })
        if (this.#messages.length === 0) this.#take()
        const message = this.#next(this.#stream.maxBody)
        if (message === undefined) return
        await this.#send(this.#stream, message)
        this.#works()
      } catch (error) {
        if (isMissing(error) || isWithoutJetstream(error)) this.#stream = undefined
        this.#note(error)
        return
      }
      // More comes together while this one waits.
      if (this.#messages.length === 0 && this.#pending.length < JournalPacker.RECORDS && !this.#hurries()) return
    }
  }

  #open({ client, whileUp }: { client: NatsConnection; whileUp: WhileUp }): Promise<JournalStream> {
    const { fleet, replicas, limits } = this.#options.bus
    const { journalBytes: maxBytes, journalAge: maxAge } = limits
    return JournalStream.open(client, { fleet, replicas, maxBytes, maxAge, whileUp, fit: this.#fit })
  }

  #hurries(): boolean {
    return this.#waiting.size > 0 && (this.#pending.length > 0 || this.#gap > 0)
  }

  /** Turns what is pending into messages; with a header behind it where one is due, which is when nothing is pending any more. */
  #take(): void {
    const { headerEvery = 100_000, headerAfter = 600_000 } = this.#options
    const due = this.#sinceHeader >= headerEvery || (this.#sinceHeader > 0 && this.#clock.now() >= this.#headerAt + headerAfter)
    const all = due || this.#gap > 0
    const records = all ? this.#pending : this.#pending.slice(0, JournalPacker.RECORDS)
    this.#pending = all ? [] : this.#pending.slice(JournalPacker.RECORDS)
    const { messages, lost, error } = this.#packer.records(records, this.#stream?.maxBody)
    if (error !== undefined) this.#note(error)
    this.#messages.push(...messages)
    this.#sinceHeader += records.length
    this.#settled += lost
    this.#gap += lost
    this.dropped += lost
    if (this.#source !== undefined && (due || this.#gap > 0)) this.#addHeader(this.#source, this.#gap > 0 ? 'gap' : 'rotation')
  }

  #addHeader(source: HeaderSource, reason: 'start' | 'rotation' | 'gap'): void {
    const record = reason === 'gap' ? source(reason, this.#gap) : source(reason)
    this.#messages.push(...this.#packer.header(record, this.#stream?.maxBody))
    this.#gap = 0
    this.#sinceHeader = 0
    this.#headerAt = this.#clock.now()
  }

  /** Cut smaller where the server takes less than we thought before we knew it. */
  #next(maxBody: number): JournalMessage | undefined {
    const [message] = this.#messages
    if (message === undefined || message.bytes.length <= maxBody) return message
    this.#messages.splice(0, 1, ...cut(message, maxBody))
    return this.#messages[0]
  }

  async #send(stream: JournalStream, message: JournalMessage): Promise<void> {
    const id = messageId({ session: this.#session, number: this.#number + 1 })
    const last = this.#unsure ? await stream.last(this.#subject) : undefined
    if (this.#unsure) this.#resume(last?.sequence)
    if (last === undefined || last.id !== id) {
      const told = message.header ?? { 'Switchgear-Header': String(this.#headerSequence) }
      this.#unsure = true
      try {
        const { seq } = await stream.append(this.#subject, message.bytes, id, told, this.#lastSequence)
        this.#lastSequence = seq
      } catch (error) {
        if (!isConflict(error)) throw error
        throw new Error('another process writes the journal of this node too, or part of it was removed', { cause: error })
      }
    }
    this.#unsure = false
    this.#number++
    if (message.header !== undefined) this.#headerSequence = this.#lastSequence ?? 0
    this.#settled += message.records
    this.#messages.shift()
  }

  #resume(sequence: number | undefined): void {
    this.#lastSequence = sequence ?? 0
    // All of ours is gone, by the stream's limits or by somebody's hand: without a header nobody can read what comes now.
    if (sequence === undefined && this.#headerSequence > 0) this.#sinceHeader = Number.POSITIVE_INFINITY
  }

  #works(): void {
    this.problem = undefined
    this.#warnings?.works(this.dropped, this.#clock.now())
  }

  #note(error: unknown): void {
    const problem = error instanceof Error ? error : new Error(String(error))
    if (this.#state === 'closed') return
    this.problem = problem
    this.#warnings?.trouble(problem, this.#clock.now())
    try {
      this.#options.onProblem?.(problem)
    } catch (thrown) {
      process.emitWarning(`the journal's onProblem threw: ${String(thrown)}`, 'SwitchgearWarning')
    }
  }
}
