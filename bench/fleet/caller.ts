// Makes calls through a board at a steady rate, to stubs in this process whose health is told, and counts what became of each.
import { CallRejectedError } from '../../src/model/errors.ts'
import type { Switchgear } from '../../src/switchgear.ts'
import { Latencies } from './latencies.ts'
import { type Calls, moment, PRICE } from './protocol.ts'

const DOWN = Object.assign(new Error('the stub is down'), { status: 503 })
const ESTIMATE = { estimate: { cost: PRICE / 1e9, confidence: 0.9 } }
/** ms between two rounds of calls. */
const EVERY = 5

export class Caller {
  calm = true
  readonly #gear: Switchgear
  readonly #services: readonly string[]
  readonly #ill = new Set<string>()
  /** Services that were never down: nobody has a reason to refuse their calls. */
  readonly #alwaysWell: Set<string>
  readonly #took = new Latencies()
  #counts = { made: 0, succeeded: 0, failed: 0, refused: 0, blocked: 0, broken: 0 }
  #brokenBy: string | undefined
  #timer: NodeJS.Timeout | undefined
  #owed = 0
  #last = 0
  #inFlight = 0

  constructor(gear: Switchgear, services: readonly string[]) {
    this.#gear = gear
    this.#services = services
    this.#alwaysWell = new Set(services)
  }

  /** Of each service; 0: none. */
  set rate(perSecond: number) {
    clearInterval(this.#timer)
    this.#last = moment()
    this.#owed = 0
    if (perSecond > 0) this.#timer = setInterval(() => this.#round(perSecond), EVERY)
  }

  set(service: string, up: boolean): void {
    if (up) this.#ill.delete(service)
    else this.#ill.add(service)
    this.#alwaysWell.delete(service)
  }

  get idle(): boolean {
    return this.#inFlight === 0
  }

  get calls(): Calls {
    return {
      ...this.#counts,
      slowest: this.#took.max,
      p999: this.#took.quantile(0.999),
      brokenBy: this.#brokenBy,
      spent: this.#counts.succeeded * PRICE,
    }
  }

  async call(service: string): Promise<void> {
    this.#counts.made++
    this.#inFlight++
    const begun = performance.now()
    try {
      await this.#gear.execute(service, () => (this.#ill.has(service) ? Promise.reject(DOWN) : ANSWER), ESTIMATE)
      this.#counts.succeeded++
    } catch (error) {
      this.#count(service, error)
    }
    this.#took.add(performance.now() - begun)
    this.#inFlight--
  }

  #round(perSecond: number): void {
    const now = moment()
    // What a busy process has missed is made up for, but for no more than a second.
    this.#owed = Math.min(perSecond, this.#owed + ((now - this.#last) * perSecond) / 1000)
    this.#last = now
    for (; this.#owed >= 1; this.#owed--) for (const service of this.#services) void this.call(service)
  }

  #count(service: string, error: unknown): void {
    if (error === DOWN) this.#counts.failed++
    else if (error instanceof CallRejectedError) {
      this.#counts.refused++
      if (this.calm || this.#alwaysWell.has(service)) this.#counts.blocked++
    } else {
      this.#counts.broken++
      this.#brokenBy = error instanceof Error ? error.message : String(error)
    }
  }
}

const ANSWER = Promise.resolve('an answer')
