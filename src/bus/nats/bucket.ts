// A key-value bucket of NATS, as the tables and the lease of a fleet use it: revisions decide every write, and reads go to the
// stream's leader, never to a copy that may lag.
import { JetStreamApiError, type JetStreamClient, type JetStreamManager, jetstream, type StoredMsg } from '@nats-io/jetstream'
import { type KV, Kvm } from '@nats-io/kv'
import type { NatsConnection } from '@nats-io/transport-node'
import { headers } from '@nats-io/transport-node'
import type { WhileUp } from './connection.ts'
import type { StreamFit } from './streamFit.ts'

export interface BucketOptions {
  readonly name: string
  /** Where changes are heard of: the server passes each on as a message to this subject, which ends in `>`. */
  readonly republish: string
  /** ms after which an entry that is not renewed is gone. */
  readonly ttl: number
  /** The longest entry, bytes. */
  readonly entryBytes: number
  readonly replicas: number
  /** How long the server may take to answer, ms. */
  readonly timeout: number
  readonly whileUp: WhileUp
  readonly fit: StreamFit
}

export interface Stored {
  readonly key: string
  readonly revision: number
  /** Undefined: it was removed. */
  readonly bytes: Uint8Array | undefined
}

export interface BucketState {
  /** When the server made it: another time, another bucket. */
  readonly created: string
  /** Of the last change. */
  readonly revision: number
}

export class Bucket {
  /** As the server has it, ms; 0: for ever. */
  readonly ttl: number
  readonly #js: JetStreamClient
  readonly #manager: JetStreamManager
  readonly #kv: KV
  readonly #stream: string
  readonly #prefix: string
  readonly #whileUp: WhileUp

  private constructor(made: Made, { name, whileUp }: BucketOptions, ttl: number) {
    this.#js = made.js
    this.#manager = made.manager
    this.#kv = made.kv
    this.#stream = streamOf(name)
    this.#prefix = `$KV.${name}.`
    this.#whileUp = whileUp
    this.ttl = ttl
  }

  /** Opens the bucket, and makes it where there is none. Rejects when the server cannot do that now. */
  static open(client: NatsConnection, options: BucketOptions): Promise<Bucket> {
    return options.whileUp(Bucket.#open(client, options))
  }

  static async #open(client: NatsConnection, options: BucketOptions): Promise<Bucket> {
    const { name, republish, ttl, entryBytes, replicas, timeout, fit } = options
    const js = jetstream(client, { timeout, checkAPI: false })
    const kv = await new Kvm(js).create(name, {
      replicas,
      history: 1,
      maxValueSize: entryBytes,
      republish: { src: `$KV.${name}.>`, dest: republish },
      allow_direct: false,
      ttl,
    })
    const manager = await js.jetstreamManager(false)
    const { config } = await manager.streams.info(streamOf(name))
    const wanted = { name: streamOf(name), replicas, maxAge: ttl, messageBytes: entryBytes, republish }
    const { max_age } = await fit.fit(client, config, wanted)
    return new Bucket({ js, manager, kv }, options, max_age / 1e6)
  }

  async state(): Promise<BucketState> {
    const { created, state } = await this.#whileUp(this.#manager.streams.info(this.#stream))
    return { created, revision: state.last_seq }
  }

  async get(key: string): Promise<Stored | undefined> {
    return this.#read({ last_by_subj: `${this.#prefix}${key}` })
  }

  /** The first change from `revision` on that no later one of its key has replaced. */
  async next(revision: number): Promise<Stored | undefined> {
    return this.#read({ seq: revision, next_by_subj: `${this.#prefix}>` })
  }

  /** Stores, if the key's revision is still `previous` (0: there is none); resolves to the new one. See {@link isConflict}. */
  put(key: string, bytes: Uint8Array, previous: number): Promise<number> {
    return this.#whileUp(this.#kv.put(key, bytes, { previousSeq: previous }))
  }

  /** Removes, under the same condition; resolves to the revision of that. */
  async remove(key: string, previous: number): Promise<number> {
    const marked = headers()
    marked.set(OPERATION, 'DEL')
    const removal = { headers: marked, expect: { lastSubjectSequence: previous } }
    return (await this.#whileUp(this.#js.publish(`${this.#prefix}${key}`, undefined, removal))).seq
  }

  async #read(query: { last_by_subj: string } | { seq: number; next_by_subj: string }): Promise<Stored | undefined> {
    const message = await this.#whileUp(this.#manager.streams.getMessage(this.#stream, query))
    return message === null ? undefined : this.#stored(message)
  }

  #stored({ subject, seq, data, header }: StoredMsg): Stored {
    return { key: subject.slice(this.#prefix.length), revision: seq, bytes: isRemoval(header) ? undefined : data }
  }
}

interface Made {
  readonly js: JetStreamClient
  readonly manager: JetStreamManager
  readonly kv: KV
}

const OPERATION = 'KV-Operation'

/**
 * A change of bucket `name` as it is heard of, on the subject that the server passes it on to (`republish`, which ends in `>`);
 * undefined for all else. What it says of itself anybody may say who may publish somewhere below that subject, as a node may whose
 * own name comes last: only the key's own subject is the server's.
 */
export function republished(
  message: { readonly subject: string; readonly data: Uint8Array; readonly headers?: { get(name: string): string } | undefined },
  { name, republish }: Pick<BucketOptions, 'name' | 'republish'>,
): Stored | undefined {
  const { headers: told, data } = message
  const stored = told?.get('Nats-Subject') ?? ''
  const prefix = `$KV.${name}.`
  if (told === undefined || told.get('Nats-Stream') !== streamOf(name) || !stored.startsWith(prefix)) return undefined
  const key = stored.slice(prefix.length)
  const revision = Number(told.get('Nats-Sequence'))
  if (message.subject !== `${republish.slice(0, -1)}${key}` || key.includes('.')) return undefined
  if (!Number.isSafeInteger(revision) || revision < 1) return undefined
  return { key, revision, bytes: isRemoval(told) ? undefined : data }
}

/** True when a write was refused because the key has another revision. */
export function isConflict(error: unknown): boolean {
  return error instanceof JetStreamApiError && (error.code === 10071 || error.code === 10164)
}

/** True when there is no JetStream: for this account, on this server, or for now. */
export function isWithoutJetstream(error: unknown): boolean {
  if (error instanceof JetStreamApiError) return error.code === 10039 || error.code === 10076 || error.code === 10008
  return error instanceof Error && error.name === 'JetStreamNotEnabled'
}

/** True when the stream is not there (any more). */
export function isMissing(error: unknown): boolean {
  return error instanceof JetStreamApiError && error.code === 10059
}

/** True for a change by which an entry went, by what the server says of it. */
export function isRemoval(told: { get(name: string): string } | undefined): boolean {
  const operation = told?.get(OPERATION)
  return operation === 'DEL' || operation === 'PURGE'
}

function streamOf(name: string): string {
  return `KV_${name}`
}
