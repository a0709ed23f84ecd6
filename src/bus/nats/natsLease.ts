// The lease of the fleet's leader: one key of a bucket whose entries expire. Taking it is a write that only succeeds while nobody
// has it, renewing it one that only succeeds on what this node wrote last. What fences is when the bucket was made (ms) and the key's
// revision, added: revisions grow, and begin anew only in a bucket that was made later than the one that was lost.
import type { NatsConnection } from '@nats-io/transport-node'
import { bucketName, isBusName, leaseWildcard } from '../../model/fleet/subjects.ts'
import type { Lease, LeaseAnswer } from '../fleetLink.ts'
import { Bucket, isConflict, isMissing, isWithoutJetstream, type Stored } from './bucket.ts'
import type { WhileUp } from './connection.ts'
import type { StreamFit } from './streamFit.ts'

export interface NatsLeaseOptions {
  readonly fleet: string
  readonly node: string
  readonly session: string
  /** ms */
  readonly lifetime: number
  readonly replicas: number
  readonly client: () => NatsConnection | undefined
  readonly whileUp: WhileUp
  readonly fit: StreamFit
  /** The highest epoch that was seen anywhere else: in directives. */
  readonly seen: () => number
  readonly trouble: (code: string, message: () => string) => void
}

/** How long the server may take to answer, ms: a renewal that is late is no renewal. */
export const TIMEOUT = 800
const KEY = 'leader'

/** What the key holds. */
interface Holding {
  readonly node: string
  readonly session: string
  /** Of one that was renewed: its epoch. */
  readonly epoch?: number
  /** Of one that was just taken: its epoch is when its bucket was made (epoch ms) and its revision, but no less than `least`. */
  readonly born?: number
  readonly least?: number
}

export class NatsLease implements Lease {
  readonly #options: NatsLeaseOptions
  readonly #bucketName: string
  #lifetime: number
  #bucket: Bucket | undefined
  #epoch: number | undefined
  #revision = 0
  /** A write of ours may have been stored without our having heard of it. */
  #unsure = false
  #highest = 0

  constructor(options: NatsLeaseOptions) {
    this.#options = options
    this.#lifetime = options.lifetime
    this.#bucketName = bucketName(options.fleet, 'lease')
  }

  /** As the server has it: whoever made the bucket has decided, or who wanted more since. */
  get lifetime(): number {
    return this.#lifetime
  }

  /** There is a connection (again). */
  connected(): void {
    this.#bucket = undefined
  }

  async take(): Promise<LeaseAnswer> {
    const bucket = await this.#open().catch((error) => {
      // Without a connection that is no news.
      if (this.#options.client() !== undefined) {
        this.#options.trouble(
          'lease',
          () => `${this.#bucketName} cannot be had: ${error instanceof Error ? error.message : error}`,
        )
      }
      throw error
    })
    if (this.#epoch === undefined || this.#unsure) return this.#look(bucket)
    try {
      await this.#write(bucket, this.#revision, { epoch: this.#epoch })
      return { held: true, epoch: this.#epoch }
    } catch (error) {
      if (isConflict(error)) return this.#look(bucket)
      throw error
    }
  }

  async release(): Promise<void> {
    if (this.#epoch === undefined && !this.#unsure) return
    try {
      const bucket = await this.#open()
      if (this.#unsure) {
        const stored = await bucket.get(KEY)
        if (!this.#isOurs(this.#holding(stored))) return
        this.#revision = stored?.revision ?? 0
      }
      // Only what is still ours: a release that comes late takes nothing away from a successor.
      await bucket.remove(KEY, this.#revision)
    } catch {
      // It will expire.
    } finally {
      this.#lose()
    }
  }

  async #open(): Promise<Bucket> {
    const client = this.#options.client()
    if (client === undefined) throw new Error('there is no connection to the server')
    if (this.#bucket !== undefined) return this.#bucket
    const { fleet, lifetime, replicas, whileUp, fit } = this.#options
    const bucket = await Bucket.open(client, {
      name: this.#bucketName,
      republish: leaseWildcard(fleet),
      ttl: lifetime,
      entryBytes: 4096,
      replicas,
      timeout: TIMEOUT,
      whileUp,
      fit,
    })
    if (bucket.ttl > 0) this.#lifetime = bucket.ttl
    this.#bucket = bucket
    return bucket
  }

  /** Finds out who has it, and takes it if nobody does. */
  async #look(bucket: Bucket): Promise<LeaseAnswer> {
    const stored = await bucket.get(KEY).catch((error) => this.#forget(error))
    const holding = this.#holding(stored)
    if (holding === undefined) return this.#acquire(bucket, stored?.revision ?? 0)
    const epoch = epochOf(holding, stored?.revision ?? 0)
    this.#highest = Math.max(this.#highest, epoch)
    if (!this.#isOurs(holding)) {
      this.#lose()
      return { held: false, holder: holding.node }
    }
    // What we did not hear of had been stored after all.
    this.#epoch = epoch
    this.#revision = stored?.revision ?? 0
    try {
      await this.#write(bucket, this.#revision, { epoch })
    } catch (error) {
      // Whoever has written it since it was ours a moment ago: most likely a renewal of our own that was long on its way.
      this.#unsure ||= isConflict(error)
      throw error
    }
    return { held: true, epoch }
  }

  async #acquire(bucket: Bucket, previous: number): Promise<LeaseAnswer> {
    this.#lose()
    const { created } = await bucket.state().catch((error) => this.#forget(error))
    const born = Date.parse(created) || 0
    const least = Math.max(this.#highest, this.#options.seen()) + 1
    try {
      await this.#write(bucket, previous, { born, least })
    } catch (error) {
      if (isConflict(error)) return this.#lost()
      throw error
    }
    const epoch = epochOf({ born, least }, this.#revision)
    if (born + this.#revision < least) {
      this.#options.trouble('lease_recreated', () => {
        return `the bucket ${this.#bucketName} says less than was seen before; epochs go on from ${epoch}`
      })
    }
    this.#epoch = epoch
    this.#highest = epoch
    return { held: true, epoch }
  }

  async #write(bucket: Bucket, previous: number, rest: Omit<Holding, 'node' | 'session'>): Promise<void> {
    const { node, session } = this.#options
    const bytes = Buffer.from(JSON.stringify({ v: 1, node, session, ...rest }))
    this.#unsure = true
    try {
      this.#revision = await bucket.put(KEY, bytes, previous)
      this.#unsure = false
    } catch (error) {
      // Refused is refused; anything else may have been stored.
      if (isConflict(error)) this.#unsure = false
      this.#forget(error)
    }
  }

  /** A bucket that is gone is made again at the next try. */
  #forget(error: unknown): never {
    if (isMissing(error) || isWithoutJetstream(error)) this.#bucket = undefined
    throw error
  }

  #lost(): LeaseAnswer {
    this.#lose()
    return { held: false, holder: undefined }
  }

  #lose(): void {
    this.#epoch = undefined
    this.#unsure = false
  }

  #isOurs(holding: Holding | undefined): boolean {
    return holding?.node === this.#options.node && holding.session === this.#options.session
  }

  /** Undefined when nobody has it; what cannot be read is nobody's. */
  #holding(stored: Stored | undefined): Holding | undefined {
    if (stored?.bytes === undefined) return undefined
    try {
      const { node, session, epoch, born, least } = JSON.parse(Buffer.from(stored.bytes).toString()) as Readonly<
        Record<string, unknown>
      >
      if (!isBusName(node) || typeof session !== 'string') throw new TypeError('it names no node and session')
      return {
        node,
        session,
        ...(isCount(epoch) ? { epoch } : undefined),
        ...(isCount(born) ? { born } : undefined),
        ...(isCount(least) ? { least } : undefined),
      }
    } catch (error) {
      this.#options.trouble('bad_lease', () => `the lease of the fleet was not written by one of its nodes: ${String(error)}`)
      return undefined
    }
  }
}

function epochOf({ epoch, born = 0, least = 0 }: Omit<Holding, 'node' | 'session'>, revision: number): number {
  return epoch ?? Math.max(born + revision, least)
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0
}
