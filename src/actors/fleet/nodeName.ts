// The name under which this process keeps its entries in the fleet's tables: that of its link, unless another process that is alive
// has the same. Then the one that came second takes a name with its session in it, before it has written what the other's would
// be taken for. Used by the parts of a fleet's node.
import type { FleetLink } from '../../bus/fleetLink.ts'
import type { Clock } from '../../model/clock.ts'
import { Alarm } from './alarm.ts'

export interface NodeNameOptions {
  readonly link: Pick<FleetLink, 'node' | 'nodes'>
  readonly clock: Clock
  /** Another one for each start of the process. */
  readonly session: string
  /** Another process of this name is alive; told once. */
  readonly taken: (name: string) => void
}

/** Two beats and a bit: for so long a name that somebody else has used is watched before it is one's own; ms. */
const WATCHED = 2500
/** So many beats of another process after one's own first are no echo of a process that has ended. */
const ALIVE = 2
/** Should both think that they were first, the younger session gives way after so many. */
const DISPUTED = 6
const LONGEST = 64

export class NodeName {
  readonly session: string
  readonly #options: NodeNameOptions
  readonly #alarm: Alarm
  readonly #stop: () => void
  readonly #listeners = new Set<() => void>()
  #name: string
  #settled = false
  /** The revision under which this process was first heard of itself. */
  #first: number | undefined
  /** Whose entry was there before. */
  #before: string | undefined
  #other = { session: '', beats: 0, revision: 0 }

  constructor(options: NodeNameOptions) {
    this.#options = options
    this.session = options.session
    this.#name = options.link.node
    this.#alarm = new Alarm(options.clock, () => this.#settle())
    this.#stop = options.link.nodes.listen((key, entry) => {
      if (key === options.link.node && entry) this.#heard(entry.value.session, entry.revision)
    })
  }

  get current(): string {
    return this.#name
  }

  /** True once the name is this process's alone; what must not be mixed with another's waits for it. */
  get settled(): boolean {
    return this.#settled
  }

  /** Tells when the name is settled, or another one. */
  onChange(listener: () => void): void {
    this.#listeners.add(listener)
  }

  stop(): void {
    this.#stop()
    this.#alarm.off()
  }

  #heard(session: string, revision: number): void {
    if (session === this.session) {
      if (this.#first !== undefined) return
      this.#first = revision
      if (this.#before === undefined) this.#settle()
      else this.#alarm.in(WATCHED)
      return
    }
    if (this.#first === undefined) {
      this.#before = session
      return
    }
    if (revision <= Math.max(this.#first, this.#other.revision)) return
    const beats = session === this.#other.session ? this.#other.beats + 1 : 1
    this.#other = { session, beats, revision }
    if (beats === ALIVE) this.#options.taken(this.#options.link.node)
    const isSecond = session === this.#before ? beats >= ALIVE : beats >= DISPUTED && this.session > session
    if (isSecond && this.#name === this.#options.link.node) this.#giveWay()
  }

  #giveWay(): void {
    this.#name = `${this.#name.slice(0, LONGEST - 1 - this.session.length)}-${this.session}`
    this.#settle()
  }

  #settle(): void {
    this.#alarm.off()
    this.#settled = true
    for (const listener of this.#listeners) listener()
  }
}
