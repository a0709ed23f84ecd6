// Looks after a service between its calls: asks it how it is at an interval and tells its breaker which conditions stand, by
// the knowledge of its kind (`monitoring` of its profile). What it asks is no call of the service: nothing of it is counted.
import type { Breaker } from '../../actors/breaker.ts'
import type { Timer } from '../../model/timer.ts'
import { Due } from '../../model/timer.ts'
import type { Condition, MonitorAnswer, Monitoring, Reading } from '../../services/serviceProfile.ts'
import { address, duration, type MonitorOptions } from './monitorOptions.ts'
import { ask, type MonitorFetch, within } from './monitorRequest.ts'

export type { MonitorOptions } from './monitorOptions.ts'

/** What came of one round. */
export interface MonitorRound {
  /** When it began, epoch ms. */
  readonly at: number
  /** Did the first path answer, with whatever but a 5xx? */
  readonly reached: boolean
  /** Rounds in a row, this one included, in which it was not. */
  readonly unreached: number
  readonly conditions: readonly Condition[]
  /** What else the service tells, by its kind: docs/services/. */
  readonly facts: Reading['facts']
  /** What was asked for and not had, and why. */
  readonly problems: readonly string[]
}

export interface ServiceMonitor extends Disposable {
  /** The latest round; undefined before the first has come to its end. */
  readonly last: MonitorRound | undefined
  /** Asks no more, and takes back what it has told. */
  stop(): void
}

/** So many rounds in a row without an answer, and the service counts as not reachable. */
const UNREACHED = 3
/** So many intervals without a word of a condition, and it lapses; not before the breaker would take it back by itself. */
const UNCONFIRMED = 3
const NOTHING_KNOWN: Monitoring = { paths: [''], read: () => ({ conditions: [], facts: {} }) }

/**
 * Begins at once. A service that cannot be reached is degraded, not opened: that is for its calls to decide; and nothing that
 * the monitor hears closes or mends what they have opened. Throws a ConfigError for options that cannot be used.
 */
export function monitorService(breaker: Breaker, options: MonitorOptions): ServiceMonitor {
  return new Monitor(breaker, options)
}

interface Standing extends Condition {
  /** Begin of the latest round that spoke of it, epoch ms. */
  readonly confirmedAt: number
}

class Monitor implements ServiceMonitor {
  last: MonitorRound | undefined
  readonly #breaker: Breaker
  readonly #monitoring: Monitoring
  /** One for each of the paths. */
  readonly #urls: readonly string[]
  readonly #headers: Record<string, string>
  readonly #fetch: MonitorFetch
  readonly #memory: MonitorOptions['memory']
  readonly #interval: number
  readonly #timeout: number
  readonly #round = new Due(() => this.#begin())
  readonly #hold = new Due(() => this.#tell())
  /** What it has told and not taken back. */
  readonly #standing = new Map<string, Standing>()
  #reading: Reading | undefined
  #asking: AbortController | undefined
  #stopped = false

  constructor(breaker: Breaker, options: MonitorOptions) {
    const { path, headers = {}, fetch = globalThis.fetch, memory, intervalMs = 30_000 } = options
    this.#interval = duration('intervalMs', intervalMs)
    this.#timeout = duration('timeoutMs', options.timeoutMs ?? Math.min(5_000, intervalMs))
    const known = breaker.profile.monitoring ?? NOTHING_KNOWN
    this.#monitoring = path === undefined ? known : { ...known, paths: [path] }
    this.#urls = this.#monitoring.paths.map((one) => address(options.url, one))
    this.#headers = { accept: 'application/json', ...headers }
    this.#fetch = fetch
    this.#memory = memory
    this.#breaker = breaker
    this.#arm(this.#round, 0)
  }

  stop(): void {
    if (this.#stopped) return
    this.#stopped = true
    const { clock } = this.#breaker
    clock.disarm(this.#round)
    clock.disarm(this.#hold)
    this.#asking?.abort()
    const at = clock.now()
    for (const name of [...this.#standing.keys()]) this.#set({ name, level: 0, reason: 'no longer monitored' }, at)
  }

  [Symbol.dispose](): void {
    this.stop()
  }

  /** The next round begins when this one is over, however long it took: there are never two at once. */
  #begin(): void {
    const at = this.#breaker.clock.now()
    const next = () => {
      if (this.#breaker.disposed) this.stop()
      if (!this.#stopped) this.#arm(this.#round, Math.max(0, at + this.#interval - this.#breaker.clock.now()))
    }
    this.#run(at).then(next, next)
  }

  async #run(at: number): Promise<void> {
    const { clock } = this.#breaker
    const asking = new AbortController()
    this.#asking = asking
    const init = { headers: this.#headers, signal: asking.signal }
    const asked = this.#urls.map((url) => ask(this.#fetch, url, init, clock, this.#timeout))
    const [memory, ...told] = await Promise.all([this.#askMemory(), ...asked])
    if (this.#stopped || this.#breaker.disposed) return
    const answers: Record<string, MonitorAnswer> = {}
    const problems: string[] = []
    for (const [index, answer] of told.entries()) {
      const path = this.#monitoring.paths[index] ?? ''
      if (typeof answer !== 'string') answers[path] = answer
      const problem = typeof answer === 'string' ? answer : problemOf(answer)
      if (problem) problems.push(`GET ${path || 'its address'}: ${problem}`)
    }
    if (typeof memory === 'string') problems.push(`memory: ${memory}`)
    this.#hear(at, answers, typeof memory === 'number' ? memory : undefined, problems)
  }

  /** Bytes, or why there are none. */
  async #askMemory(): Promise<number | string | undefined> {
    if (!this.#memory) return undefined
    try {
      const used = await within(this.#breaker.clock, this.#timeout, () => {}, this.#memory)
      return used === undefined || typeof used === 'number' ? used : 'no number'
    } catch (error) {
      return error instanceof Error ? error.message.slice(0, 200) : 'not told'
    }
  }

  #hear(at: number, answers: Record<string, MonitorAnswer>, memory: number | undefined, problems: string[]): void {
    const first = answers[this.#monitoring.paths[0] ?? '']
    const reached = first !== undefined && first.status < 500
    const unreached = reached ? 0 : (this.last?.unreached ?? 0) + 1
    const reading = this.#read(answers, memory, problems)
    const conditions = [...reading.conditions]
    if (reached) conditions.unshift({ name: 'unreachable', level: 0, reason: 'the service answers' })
    else if (unreached >= UNREACHED) {
      const reason = `not reached ${unreached} times in a row; ${problems[0] ?? 'no answer'}`
      conditions.unshift({ name: 'unreachable', level: 2, reason })
    }
    conditions.push(...this.#lapsed(conditions, at))
    this.last = { at, reached, unreached, conditions, facts: reading.facts, problems }
    for (const condition of conditions) this.#set(condition, at)
    this.#arm(this.#hold, this.#holdFor)
  }

  /** What stands and was not spoken of for too long, by this round either: what is not heard of any more is not known. */
  #lapsed(conditions: readonly Condition[], at: number): Condition[] {
    const borne = Math.max(UNCONFIRMED * this.#interval, this.#breaker.policy.recoverAfter)
    return [...this.#standing.values()]
      .filter(({ name, confirmedAt }) => at - confirmedAt >= borne && !conditions.some((condition) => condition.name === name))
      .map(({ name }) => ({ name, level: 0, reason: `${name} was not confirmed for ${Math.round(borne / 1000)} s` }))
  }

  /** Kinds of users' own may err. */
  #read(answers: Record<string, MonitorAnswer>, memory: number | undefined, problems: string[]): Reading {
    try {
      this.#reading = this.#monitoring.read({ answers, memory }, this.#reading)
      return this.#reading
    } catch (error) {
      problems.push(`the monitoring of ${this.#breaker.kind}: ${error instanceof Error ? error.message.slice(0, 200) : 'failed'}`)
      return { conditions: [], facts: {} }
    }
  }

  /** Only what it told itself is taken back: others may speak of a condition of the same name. */
  #set(condition: Condition, at: number): void {
    const { name, level, reason } = condition
    if (level === 0 && !this.#standing.delete(name)) return
    if (level > 0) this.#standing.set(name, { ...condition, confirmedAt: at })
    this.#breaker.health.set(name, level, reason)
  }

  /** What stands is told between the rounds as well: a breaker takes a level back that nobody speaks of. */
  #tell(): void {
    if (this.#stopped || this.#breaker.disposed || this.#standing.size === 0) return
    for (const { name, level, reason } of this.#standing.values()) this.#breaker.health.set(name, level, reason)
    this.#arm(this.#hold, this.#holdFor)
  }

  get #holdFor(): number {
    return Math.max(1, this.#breaker.policy.recoverAfter / 4)
  }

  #arm(timer: Timer, delay: number): void {
    const { clock } = this.#breaker
    clock.arm(timer, clock.now() + delay)
  }
}

/** An answer that says that it is not what was asked for: the monitor's credentials, or its paths, are wrong. */
function problemOf({ status }: MonitorAnswer): string | undefined {
  return status >= 200 && status <= 299 ? undefined : `answered ${status}`
}
