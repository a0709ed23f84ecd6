// Runs the actors of a board on recorded inputs and holds every output against the recorded one. A restart is the same thing
// with an eye only to where the breakers stand at the end.
import { isDeepStrictEqual } from 'node:util'
import { Board } from '../actors/board.ts'
import type { Breaker } from '../actors/breaker.ts'
import { MemoryBus } from '../bus/memoryBus.ts'
import {
  type AdmissionRecord,
  BEHAVIOUR,
  type GearEvent,
  type HeaderRecord,
  type InputRecord,
  type JournalRecord,
  type OutcomeRecord,
  type OutputRecord,
  type SavedBreaker,
} from '../model/records.ts'
import { profileFor } from '../services/profiles.ts'
import type { Difference } from './difference.ts'
import { differingPath } from './differingPath.ts'
import { ReplayClock } from './replayClock.ts'
import { Trail } from './trail.ts'

export interface ReplayResult {
  readonly inputs: number
  readonly transitions: number
  readonly differences: number
  readonly first: Difference | undefined
  /** Headers met: a start, restarts, rotations. */
  readonly sessions: number
  /** Records the writer had to drop; the replay goes on from the state recorded after them. */
  readonly dropped: number
}

export class Replayer {
  readonly #clock = new ReplayClock()
  readonly #trail = new Trail()
  #board: Board | undefined
  /** Outputs the replay has made and the recording has not yet shown. */
  #produced: OutputRecord[] = []
  #line = 0
  #inputs = 0
  #transitions = 0
  #differences = 0
  #first: Difference | undefined
  #sessions = 0
  #dropped = 0

  /** Takes the next record. Throws an Error when it cannot be replayed at all (no header before it, newer behaviour). */
  take(record: JournalRecord, line: number): void {
    this.#line = line
    switch (record.type) {
      case 'header':
        this.#begin(record)
        return
      case 'decision':
        return
      case 'transition':
      case 'system':
        this.#compare(record)
        return
      case 'alert':
        // What budgets and monitors say comes from outside of what a replay runs.
        if (record.by === undefined || record.by === 'orchestrator') this.#compare(record)
        return
      case 'directive':
        if (record.by === 'orchestrator') this.#compare(record)
        else this.#take(record, line)
        return
      default:
        this.#take(record, line)
    }
  }

  /** What was found so far. Outputs that belong behind the last record are no differences: a crash may have cut them off. */
  result(): ReplayResult {
    return {
      inputs: this.#inputs,
      transitions: this.#transitions,
      differences: this.#differences,
      first: this.#first,
      sessions: this.#sessions,
      dropped: this.#dropped,
    }
  }

  /** The time of the last record, epoch ms. */
  get at(): number {
    return this.#clock.at
  }

  /** How every breaker stands now. */
  saved(): SavedBreaker[] {
    return this.#board ? [...this.#board.breakers].map((breaker) => breaker.save()) : []
  }

  /** What the orchestrator remembers now; undefined where nothing is coordinated. */
  savedOrchestrator(): unknown {
    return this.#board?.header('start').orchestrator?.saved
  }

  #take(record: InputRecord, line: number): void {
    if (this.#produced.length > 0) this.#reportUnrecorded()
    this.#inputs++
    this.#trail.add(record, line)
    this.#clock.at = record.at
    this.#apply(record)
  }

  #begin(header: HeaderRecord): void {
    if (header.behaviour > BEHAVIOUR) {
      throw new Error(`written by software of behaviour ${header.behaviour}; this one knows up to ${BEHAVIOUR}`)
    }
    if (this.#board) {
      // A crash between an input and its outputs leaves them unwritten; what they led to is in the restart's header.
      if (header.reason === 'restart') this.#produced = []
      else if (this.#produced.length > 0) this.#reportUnrecorded()
      if (header.reason === 'rotation') this.#compareSaved(header)
      this.#board.stop()
    }
    this.#sessions++
    this.#dropped += header.dropped ?? 0
    this.#produced = []
    this.#clock.at = header.startedAt
    const bus = new MemoryBus()
    const keep = (event: GearEvent): void => {
      if (isOutput(event)) this.#produced.push(event)
    }
    for (const type of OUTPUTS) bus.subscribe(type, keep)
    const board = new Board({
      clock: this.#clock,
      bus,
      profileFor: (kind) => profileFor(kind),
      seed: header.seed,
      software: header.software,
      orchestrator: header.orchestrator?.config,
    })
    this.#board = board
    for (const [service, { kind, policy }] of Object.entries(header.services)) board.add(service, kind, policy, header.startedAt)
    for (const saved of header.saved ?? []) board.get(saved.service)?.restore(saved, header.startedAt)
    board.restore(header.orchestrator?.saved, header.startedAt)
  }

  #apply(record: InputRecord): void {
    const { service, at } = record
    const board = this.#board
    if (!board) throw new Error('there is no header before it')
    if (record.service === '*') {
      if (record.type === 'review') board.review(record, true)
      else if (record.type === 'systemCommand') board.command(at, record.command)
      else if (record.type === 'finding') board.find({ type: 'finding.made', at, finding: record.finding, over: record.over })
      return
    }
    if (record.type === 'config') {
      if (record.change === 'removed') {
        board.remove(service, at)
        this.#trail.drop(service)
      } else if (!record.policy || !record.kind) this.#report(service, 'a configuration without its policy', record, undefined)
      else if (record.change === 'added') board.add(service, record.kind, record.policy, at)
      else board.get(service)?.reconfigure(at, record.policy)
      return
    }
    const breaker = board.get(service)
    if (!breaker) {
      this.#report(service, `no breaker of that name is on the board`, record, undefined)
      return
    }
    switch (record.type) {
      case 'outcome':
        this.#applyOutcome(breaker, record)
        return
      case 'admission':
        this.#applyAdmission(breaker, record)
        return
      case 'timer': {
        const { deadline } = breaker
        if (deadline?.id !== record.id || deadline.at > at) {
          this.#report(service, `the timer ${record.id} fired where the replay waits for another`, record, deadline)
        }
        breaker.fire(at, record.id)
        return
      }
      case 'signal':
        breaker.signal(at, record.signal)
        return
      case 'directive':
        breaker.direct(at, record.directive)
        return
      case 'command':
        breaker.command(at, record.command)
        return
    }
  }

  #applyOutcome(breaker: Breaker, record: OutcomeRecord): void {
    const { at, generation, probe } = record
    const microseconds = Math.round(record.latency * 1000)
    if (record.calls !== undefined) {
      breaker.tally(at, { calls: record.calls, slow: record.slow ?? 0, microseconds, failure: record.failure })
      return
    }
    switch (record.result) {
      case 'success':
        breaker.succeed(at, microseconds, generation, probe)
        return
      case 'failure': {
        const { failure = 'unknown_error', status, retryAfterMs } = record
        breaker.fail(at, microseconds, generation, probe, {
          type: failure,
          ...(status === undefined ? undefined : { status }),
          ...(retryAfterMs === undefined ? undefined : { retryAfterMs }),
        })
        return
      }
      case 'ignored':
        breaker.ignore(at, microseconds, generation, probe)
        return
      case 'rejected':
        if (record.budget !== undefined) breaker.refuse(at, { budget: record.budget })
        else if (record.model !== undefined) breaker.refuse(at, { model: record.model })
        else if (breaker.ask(at) === undefined)
          this.#report(record.service, 'a call that was rejected is admitted', record, breaker.path)
    }
  }

  #applyAdmission(breaker: Breaker, record: AdmissionRecord): void {
    const { at, service, generation, probe, exemption } = record
    const expected = breaker.gate.path === 'halfOpen' ? breaker.context.nextProbe : undefined
    const found = breaker.gate.generation
    const refusal = breaker.ask(at, exemption)
    if (refusal !== undefined) this.#report(service, `a call that was admitted is refused (${refusal})`, record, breaker.path)
    else if (found !== generation || expected !== probe) {
      this.#report(service, 'a call was admitted differently', record, { generation: found, probe: expected })
    }
  }

  #compare(recorded: OutputRecord): void {
    const replayed = this.#produced.shift()
    if (replayed?.type === 'transition') this.#transitions++
    if (replayed !== undefined && isDeepStrictEqual(replayed, recorded)) return
    const what = replayed ? `the ${recorded.type} differs` : `a recorded ${recorded.type} does not happen`
    this.#report(recorded.service, what, recorded, replayed)
  }

  #compareSaved(header: HeaderRecord): void {
    const replayed = new Map(this.saved().map((saved) => [saved.service, plain(saved)]))
    for (const saved of header.saved ?? []) {
      const recorded = plain(saved)
      const found = replayed.get(saved.service)
      replayed.delete(saved.service)
      if (found === undefined) this.#report(saved.service, 'a breaker of this name is not on the board', recorded, found)
      else if (!isDeepStrictEqual(found, recorded)) {
        this.#report(saved.service, `the breaker stands differently at ${differingPath(recorded, found)}`, recorded, found)
      }
    }
    for (const [service, found] of replayed) this.#report(service, 'the board has a breaker too many', undefined, found)
    const before = plain({ ...header.orchestrator })
    const now = plain({ ...this.#board?.header('rotation').orchestrator })
    if (!isDeepStrictEqual(now, before)) {
      this.#report('*', `the orchestrator stands differently at ${differingPath(before, now)}`, before, now)
    }
  }

  #reportUnrecorded(): void {
    for (const replayed of this.#produced) {
      this.#report(replayed.service, `a ${replayed.type} happens that was not recorded`, undefined, replayed)
    }
    this.#produced = []
  }

  #report(service: string, what: string, recorded: unknown, replayed: unknown): void {
    this.#differences++
    this.#first ??= { line: this.#line, service, what, recorded, replayed, trail: this.#trail.of(service) }
  }
}

const OUTPUTS = ['transition', 'alert', 'system', 'directive'] as const

function isOutput(event: GearEvent): event is OutputRecord {
  switch (event.type) {
    case 'directive':
      return event.by === 'orchestrator'
    case 'transition':
    case 'alert':
    case 'system':
      return true
    default:
      return false
  }
}

/** As JSON has it: without what is undefined. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value))
}
