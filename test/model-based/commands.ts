// What can happen to a breaker, each as a command for fast-check that does it to a real board and to the model, and holds the
// two against each other. They print as sentences, so that a run which failed reads as a script.
import { copyFile } from 'node:fs/promises'
import fc from 'fast-check'
import { expect } from 'vitest'
import {
  CallRejectedError,
  CallTimeoutError,
  createSwitchgear,
  type Permit,
  type PolicyInput,
  type Switchgear,
} from '../../src/index.ts'
import { VirtualClock } from '../../src/testing/index.ts'
import type { BreakerModel, ModelCall, ModelFailure } from './breakerModel.ts'

/** The real thing: a board in virtual time, its journal in files of a directory of its own. */
export class RealBoard {
  readonly clock = new VirtualClock()
  gear!: Switchgear<{ service: PolicyInput }>
  /** Calls in flight, by the number under which a script speaks of them. */
  readonly calls = new Map<number, { readonly permit: Permit; readonly model: ModelCall }>()
  /** Calls that will time out by themselves, in the order of their deadlines. */
  readonly timeouts: { readonly at: number; readonly model: ModelCall }[] = []
  begun = 0
  /** As the last transition told it. */
  generation = 0
  #lives = 0

  constructor(
    readonly directory: string,
    readonly policy: PolicyInput,
  ) {}

  get service(): Switchgear<{ service: PolicyInput }>['services']['service'] {
    return this.gear.services.service
  }

  async start(): Promise<void> {
    this.gear = await createSwitchgear({
      services: { service: { kind: 'custom', ...this.policy } },
      journal: { file: this.#file },
      clock: this.clock,
      seed: 1,
    })
    this.gear.events$.subscribe((event) => {
      if (event.type !== 'transition') return
      expect(event.generation, 'a generation is raised by one at each transition').toBe(this.generation + 1)
      this.generation = event.generation
    })
  }

  async stop(): Promise<void> {
    await this.gear.close()
  }

  /** What a killed process leaves is its file, as far as it was written: another process goes on from there. */
  async kill(): Promise<void> {
    await this.gear.flush()
    const dead = this.gear
    const left = this.#file
    this.#lives++
    await copyFile(left, this.#file)
    await dead.close()
  }

  get #file(): string {
    return `${this.directory}/${this.#lives}.jsonl`
  }
}

type Step = fc.AsyncCommand<BreakerModel, RealBoard>

/** Told of each command that ran. */
export type Count = () => void

abstract class Happening implements Step {
  constructor(readonly count: Count) {}

  check(): boolean {
    return true
  }

  async run(model: BreakerModel, real: RealBoard): Promise<void> {
    await this.happen(model, real)
    this.count()
    const { service } = real
    expect({ path: service.path, until: service.until }).toEqual({ path: model.path, until: model.until })
    expect(real.generation, 'the generation').toBe(model.generation)
    expect(model.shareKept, 'as many calls pass as the share promises').toBe(true)
  }

  abstract happen(model: BreakerModel, real: RealBoard): void | Promise<void>
  abstract toString(): string
}

/** A call that asks, and is left in flight or ends at once. */
class Call extends Happening {
  #number = 0

  constructor(
    count: Count,
    readonly ending: Ending | undefined,
  ) {
    super(count)
  }

  happen(model: BreakerModel, real: RealBoard): void {
    this.#number = ++real.begun
    const permit = ask(model, real)
    if (!permit) return
    const call = model.asked(true)!
    if (this.ending) settle(this.ending, permit, call, model)
    else real.calls.set(this.#number, { permit, model: call })
  }

  /** Numbers are given while a script runs: each run of it needs commands of its own, or a later one would rename them. */
  [fc.cloneMethod](): Call {
    return new Call(this.count, this.ending)
  }

  toString(): string {
    return this.ending ? `call() ${this.ending}` : `call #${this.#number} begins`
  }
}

/** A call that nobody answers and whose own timeout ends it. */
class HangingCall extends Happening {
  constructor(
    count: Count,
    readonly timeout: number,
  ) {
    super(count)
  }

  happen(model: BreakerModel, real: RealBoard): void {
    // Every call has a millisecond of its own to time out in, so that nothing else is due at the same instant.
    const timeout = this.timeout + ++real.begun
    const refused = real.service.peek()
    const admits = model.admits
    if (admits !== 'either') expect(refused === undefined, 'admitted').toBe(admits === 'yes')
    real.service.execute(() => new Promise(() => undefined), { timeout }).catch(() => undefined)
    const call = model.asked(refused === undefined)
    if (call) real.timeouts.push({ at: model.now + timeout, model: call })
    real.timeouts.sort((a, b) => a.at - b.at)
  }

  toString(): string {
    return `call() hangs until its timeout of ${this.timeout} ms and a bit`
  }
}

/** A call in flight comes back, maybe long after the breaker has moved on. */
class LateResult extends Happening {
  #told = 'late result: none in flight'

  constructor(
    count: Count,
    readonly which: number,
    readonly ending: Ending,
  ) {
    super(count)
  }

  happen(model: BreakerModel, real: RealBoard): void {
    const numbers = [...real.calls.keys()]
    const number = numbers[this.which % Math.max(1, numbers.length)]
    const call = number === undefined ? undefined : real.calls.get(number)
    if (number === undefined || !call) return
    this.#told = `late result of call #${number} arrives: ${this.ending}`
    real.calls.delete(number)
    settle(this.ending, call.permit, call.model, model)
  }

  [fc.cloneMethod](): LateResult {
    return new LateResult(this.count, this.which, this.ending)
  }

  toString(): string {
    return this.#told
  }
}

class Advance extends Happening {
  constructor(
    count: Count,
    readonly ms: number,
  ) {
    super(count)
  }

  happen(model: BreakerModel, real: RealBoard): void {
    const target = model.now + this.ms
    real.clock.advance(this.ms)
    for (let next = real.timeouts[0]; next && next.at <= target; next = real.timeouts[0]) {
      real.timeouts.shift()
      model.passTo(next.at)
      model.fails(next.model, 'timeout')
    }
    model.passTo(target)
  }

  toString(): string {
    return `advance ${this.ms} ms`
  }
}

class Operator extends Happening {
  constructor(
    count: Count,
    readonly name: 'trip' | 'reset' | 'disable' | 'enable',
  ) {
    super(count)
  }

  happen(model: BreakerModel, real: RealBoard): void {
    real.service.command({ name: this.name, by: 'operator', why: 'a drill' })
    model.operator(this.name)
  }

  toString(): string {
    return `operator ${this.name}s`
  }
}

class Maintenance extends Happening {
  constructor(
    count: Count,
    readonly begins: boolean,
    readonly ms: number | undefined,
  ) {
    super(count)
  }

  happen(model: BreakerModel, real: RealBoard): void {
    const who = { by: 'operator', why: 'an upgrade' }
    if (this.begins) {
      const until = this.ms === undefined ? {} : { until: model.now + this.ms }
      real.service.command({ name: 'beginMaintenance', ...who, ...until })
      model.beginMaintenance(this.ms)
    } else {
      real.service.command({ name: 'endMaintenance', ...who })
      model.endMaintenance()
    }
  }

  toString(): string {
    if (!this.begins) return 'maintenance ends'
    return this.ms === undefined ? 'maintenance begins' : `maintenance begins, for ${this.ms} ms`
  }
}

class Told extends Happening {
  constructor(
    count: Count,
    readonly words: string,
    readonly tell: (model: BreakerModel, real: RealBoard) => void,
  ) {
    super(count)
  }

  happen(model: BreakerModel, real: RealBoard): void {
    this.tell(model, real)
  }

  toString(): string {
    return this.words
  }
}

/** The process stops, in good order or not, and another goes on after a while. */
class Restart extends Happening {
  constructor(
    count: Count,
    readonly killed: boolean,
    readonly downFor: number,
  ) {
    super(count)
  }

  async happen(model: BreakerModel, real: RealBoard): Promise<void> {
    if (this.killed) await real.kill()
    else await real.stop()
    real.calls.clear()
    real.timeouts.length = 0
    real.clock.advance(this.downFor)
    await real.start()
    // What came due meanwhile is told at once.
    real.clock.advance(0)
    model.restart(this.downFor)
  }

  toString(): string {
    return `${this.killed ? 'kill' : 'restart'}, down for ${this.downFor} ms`
  }
}

type Ending =
  | 'succeeds'
  | 'fails with 503'
  | 'fails with 503, retry after 5 s'
  | 'fails with 500'
  | 'fails with 401'
  | 'fails with 429, retry after 2 s'
  | 'times out'
  | 'is aborted'
  | 'fails with 404'

const FAILURES: Readonly<Record<Exclude<Ending, 'succeeds' | 'is aborted' | 'fails with 404'>, readonly [ModelFailure, number]>> =
  {
    'fails with 503': ['service_unavailable', 0],
    'fails with 503, retry after 5 s': ['service_unavailable', 5_000],
    'fails with 500': ['http_error', 0],
    'fails with 401': ['authentication', 0],
    'fails with 429, retry after 2 s': ['rate_limit', 2_000],
    'times out': ['timeout', 0],
  }

function ask(model: BreakerModel, real: RealBoard): Permit | undefined {
  const foretold = real.service.peek()
  const admits = model.admits
  let permit: Permit | undefined
  try {
    permit = real.service.admit()
  } catch (error) {
    if (!(error instanceof CallRejectedError)) throw error
    expect(foretold?.code, 'what peek foretold').toBe(error.code)
    model.asked(false)
  }
  expect(foretold === undefined, 'what peek foretold').toBe(permit !== undefined)
  if (admits !== 'either') expect(permit !== undefined, 'admitted').toBe(admits === 'yes')
  if (permit) expect(permit.generation, 'the generation of a call').toBe(model.generation)
  return permit
}

function settle(ending: Ending, permit: Permit, call: ModelCall, model: BreakerModel): void {
  switch (ending) {
    case 'succeeds':
      permit.succeed()
      model.succeeds(call)
      return
    case 'is aborted':
      permit.ignore()
      model.aborts(call)
      return
    case 'fails with 404':
      permit.fail(Object.assign(new Error('not found'), { status: 404 }))
      model.aborts(call)
      return
    case 'times out':
      permit.fail(new CallTimeoutError('service', 1))
      break
    default: {
      const retryAfter = FAILURES[ending][1]
      const headers = retryAfter > 0 ? { 'retry-after': String(retryAfter / 1000) } : {}
      permit.fail(Object.assign(new Error(ending), { status: Number(/\d+/.exec(ending)?.[0]), headers }))
    }
  }
  model.fails(call, ...FAILURES[ending])
}

/** Arbitrary commands, the everyday ones more often. */
export function happenings(count: Count): fc.Arbitrary<Step>[] {
  const ending = fc.oneof(
    { weight: 5, arbitrary: fc.constant<Ending>('succeeds') },
    { weight: 9, arbitrary: fc.constantFrom<Ending>('fails with 503', 'fails with 503', 'fails with 500', 'times out') },
    {
      weight: 1,
      arbitrary: fc.constantFrom<Ending>('fails with 401', 'fails with 429, retry after 2 s', 'fails with 503, retry after 5 s'),
    },
    { weight: 2, arbitrary: fc.constantFrom<Ending>('is aborted', 'fails with 404') },
  )
  const everyday = [
    ending.map((how) => new Call(count, how)),
    ending.map((how) => new Call(count, how)),
    ending.map((how) => new Call(count, how)),
    ending.map((how) => new Call(count, how)),
    fc.constant(0).map(() => new Call(count, undefined)),
    fc.constant(0).map(() => new Call(count, undefined)),
    fc.tuple(fc.nat(9), ending).map(([which, how]) => new LateResult(count, which, how)),
    fc.tuple(fc.nat(9), ending).map(([which, how]) => new LateResult(count, which, how)),
    fc.constantFrom(100, 300, 1_000, 1_500, 2_000, 4_000, 12_000, 60_000).map((ms) => new Advance(count, ms)),
    fc.constantFrom(100, 300, 1_000, 1_500, 2_000, 4_000, 8_000).map((ms) => new Advance(count, ms)),
  ]
  const rarer = [
    fc.constantFrom(200, 700, 1_500).map((timeout) => new HangingCall(count, timeout)),
    fc
      .constantFrom('trip' as const, 'reset' as const, 'disable' as const, 'enable' as const, 'enable' as const, 'reset' as const)
      .map((name) => new Operator(count, name)),
    fc.tuple(fc.boolean(), fc.constantFrom(undefined, 1_000, 6_000)).map(([begins, ms]) => new Maintenance(count, begins, ms)),
    fc.tuple(fc.boolean(), fc.constantFrom(0, 400, 3_000, 20_000)).map(([killed, ms]) => new Restart(count, killed, ms)),
    told(count),
  ]
  return [...everyday, ...everyday, ...rarer]
}

function told(count: Count): fc.Arbitrary<Step> {
  const tell = (words: string, how: (model: BreakerModel, real: RealBoard) => void): Told => new Told(count, words, how)
  return fc.oneof(
    fc.tuple(fc.boolean(), fc.constantFrom(0, 1, 4), fc.constantFrom(1_000, 5_000)).map(([exhausted, perSecond, ms]) =>
      tell(`the service limits us: ${exhausted ? 'quota gone' : `${perSecond} a second`}, for ${ms} ms`, (model, real) => {
        real.service.signal({ kind: 'limit', mode: exhausted ? 'exhausted' : 'paced', perSecond, until: model.now + ms })
        model.limit(exhausted, perSecond, ms)
      }),
    ),
    fc.tuple(fc.boolean(), fc.constantFrom(0.25, 0.5), fc.constantFrom(undefined, 3_000)).map(([blocked, share, ms]) =>
      tell(`the budget leaves ${blocked ? 'nothing' : share}${ms === undefined ? '' : `, for ${ms} ms`}`, (model, real) => {
        const until = ms === undefined ? {} : { until: model.now + ms }
        real.service.signal({ kind: 'budget', mode: blocked ? 'blocked' : 'throttled', share, rule: 'daily', ...until })
        model.budget(blocked, share, ms)
      }),
    ),
    fc.constantFrom<0 | 1 | 2 | 3>(0, 1, 2, 3).map((level) =>
      tell(`the service's health calls for level ${level}`, (model, real) => {
        real.service.signal({ kind: 'health', level, reason: 'quality' })
        model.health(level)
      }),
    ),
    fc.constantFrom(
      tell('the limit is lifted', (model, real) => {
        real.service.signal({ kind: 'limitCleared' })
        model.limitCleared()
      }),
      tell('the budget is raised', (model, real) => {
        real.service.signal({ kind: 'budgetCleared' })
        model.budgetCleared()
      }),
    ),
  )
}
