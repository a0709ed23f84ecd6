// A stream that is there already keeps the settings it was made with, whatever a configuration says later. Here what may be raised
// without loss is raised, and what else differs is told with the way to mend it. Used where tables, lease and journal are opened.
import { jetstream, type StreamConfig, type StreamUpdateConfig } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'

export interface WantedStream {
  readonly name: string
  readonly replicas: number
  /** ms; absent: what is in it lives for ever. */
  readonly maxAge?: number | undefined
  /** Of all that is in it; absent: any number. */
  readonly maxBytes?: number | undefined
  /** Of the longest message; absent: any number. */
  readonly messageBytes?: number | undefined
  /** The subject on which changes are heard of; absent: on none. */
  readonly republish?: string | undefined
}

export interface StreamFitOptions {
  /** May this process change settings? One that may not only tells. */
  readonly mends: boolean
  readonly tell: (words: string, stream: string) => void
}

/** How long the server may take for a change, ms: in a cluster it moves what is stored. */
const TIMEOUT = 5000
/** Over which a server looks for doubled messages, unless it is told another time, ms. */
const DUPLICATES = 120_000

/** One for a process and all the streams it opens, however often: it changes each once, and tells of a difference once. */
export class StreamFit {
  readonly #options: StreamFitOptions
  readonly #tried = new Set<string>()
  readonly #told = new Map<string, string>()

  constructor(options: StreamFitOptions) {
    this.#options = options
  }

  /** The settings that stand in the end, of a stream that has those of `config`. Never rejects. */
  async fit(client: NatsConnection, config: StreamConfig, wanted: WantedStream): Promise<StreamConfig> {
    const { name } = wanted
    const clustered = client.info?.cluster !== undefined
    const change = Object.assign({}, ...differences(config, wanted, clustered).map(({ raise }) => raise))
    if (!this.#options.mends || this.#tried.has(name) || Object.keys(change).length === 0) {
      this.#tell(config, wanted, clustered)
      return config
    }
    // Not again at each reconnection: two processes that want different things would change it for ever.
    this.#tried.add(name)
    try {
      const changed = await update(client, name, change)
      this.#tell(changed, wanted, clustered)
      return changed
    } catch (error) {
      this.#tell(config, wanted, clustered, error instanceof Error ? error.message : String(error))
      return config
    }
  }

  #tell(config: StreamConfig, wanted: WantedStream, clustered: boolean, problem?: string): void {
    const { name } = wanted
    const found = differences(config, wanted, clustered)
    const words = found.map(({ words }) => words).join('; ')
    if (words === (this.#told.get(name) ?? '')) return
    this.#told.set(name, words)
    if (words === '') return
    const refused = problem === undefined ? '' : `; it cannot be changed by us: ${problem}`
    this.#options.tell(`${name} has other settings than ours: ${words}${refused}; ${wayOut(name, found)}`, name)
  }
}

interface Difference {
  readonly words: string
  /** The flag by which a person can change it; undefined: it cannot be changed. */
  readonly flag?: string
  /** By which we can, if nothing is lost by it: less room, a shorter life or fewer copies may throw away what others keep. */
  readonly raise?: Partial<StreamUpdateConfig>
}

function differences(config: StreamConfig, wanted: WantedStream, clustered: boolean): Difference[] {
  const { maxAge = 0, maxBytes = -1, messageBytes = -1, republish, replicas } = wanted
  const found: (Difference | undefined)[] = [
    limit(config.max_age / 1e6, maxAge, 'ms', 'what is in it lives', 'max-age', { max_age: maxAge * 1e6 }),
    limit(config.max_bytes, maxBytes, 'bytes', 'it holds', 'max-bytes', { max_bytes: maxBytes }),
    limit(config.max_msg_size, messageBytes, 'bytes', 'a message has at most', 'max-msg-size', { max_msg_size: messageBytes }),
  ]
  if (config.num_replicas !== replicas) {
    // A server by itself takes a number of copies that it cannot keep.
    const possible = replicas > config.num_replicas && clustered
    found.push({
      words: `it has ${config.num_replicas} ${config.num_replicas === 1 ? 'copy' : 'copies'}, not ${replicas}`,
      flag: `--replicas=${replicas}`,
      ...(possible ? { raise: { num_replicas: replicas } } : undefined),
    })
  }
  if (config.republish?.dest !== republish) {
    found.push({ words: `changes are republished to ${config.republish?.dest ?? 'nowhere'}, not ${republish ?? 'nowhere'}` })
  }
  return found.filter((one) => one !== undefined)
}

function limit(
  has: number,
  wants: number,
  unit: string,
  what: string,
  flag: string,
  raise: Partial<StreamUpdateConfig>,
): Difference | undefined {
  const [before, after] = [has, wants].map((number) => (number <= 0 ? Number.POSITIVE_INFINITY : number)) as [number, number]
  if (before === after) return undefined
  const told = (number: number): string => (number === Number.POSITIVE_INFINITY ? 'without end' : `${number} ${unit}`)
  // What is doubled cannot be looked for over a longer time than things live.
  const window = unit === 'ms' && wants > 0 && wants < DUPLICATES ? ` --dupe-window=${wants}ms` : ''
  return {
    words: `${what} ${told(before)}, not ${told(after)}`,
    flag: `--${flag}=${wants}${unit === 'ms' ? 'ms' : ''}${window}`,
    ...(after > before ? { raise } : undefined),
  }
}

/** The rest of its settings stays as it is. */
async function update(client: NatsConnection, name: string, change: Partial<StreamUpdateConfig>): Promise<StreamConfig> {
  const manager = await jetstream(client, { timeout: TIMEOUT, checkAPI: false }).jetstreamManager(false)
  return (await manager.streams.update(name, change)).config
}

function wayOut(name: string, found: readonly Difference[]): string {
  if (found.some(({ flag }) => flag === undefined)) {
    return `to mend it, stop the fleet, delete the stream ${name}, and start the fleet again, which makes it anew`
  }
  return `make the configurations agree, or: nats stream edit ${name} ${found.map(({ flag }) => flag).join(' ')}`
}
