// Runs leaderMachine on a clock and the fleet's lease: asks when it is time, reads the time before it asks, and has the machine look
// at the fence before every act. Tells of each term that begins and ends. Used by leadership.ts.
import { createActor } from 'xstate'
import type { FleetLink } from '../../bus/fleetLink.ts'
import { leaderMachine } from '../../machines/leaderMachine.ts'
import type { Clock } from '../../model/clock.ts'
import { type LeaderContext, type LeaderEvent, leaderDeadline } from '../../model/fleet/leadership.ts'
import { Due } from '../../model/timer.ts'
import { type Inspector, inspectedBy } from '../inspector.ts'

export interface ElectorOptions {
  readonly link: Pick<FleetLink, 'node' | 'lease' | 'nodes' | 'directives'>
  readonly clock: Clock
  /** Of the jitter; another one for each node. */
  readonly seed: number
  /** A term begins, and is this node's until {@link ended}. Called at once, and never while another term lasts. */
  readonly began: (epoch: number) => void
  readonly ended: (epoch: number) => void
  readonly inspect?: Inspector | undefined
}

/** Who does not know yet what the one before wanted looks again so soon; ms. */
const SOON = 100

export type LeaderState = 'following' | 'campaigning' | 'leading' | 'deposed' | 'stopped'

export class LeaderElector {
  readonly #options: ElectorOptions
  readonly #actor
  readonly #timer: Due
  readonly #stopListening: () => void
  #term: number | undefined
  #asking: Promise<void> | undefined

  constructor(options: ElectorOptions) {
    this.#options = options
    this.#timer = new Due(() => this.#due())
    const { lifetime } = options.link.lease
    this.#actor = createActor(leaderMachine, {
      id: 'leader',
      input: { lifetime, seed: options.seed, at: options.clock.now() },
      ...inspectedBy(options.inspect),
    })
    this.#actor.subscribe(() => this.#follow())
    this.#actor.start()
    this.#stopListening = options.link.nodes.listen((node, entry) => this.#heard(node, entry?.value.leads === true))
    this.#follow()
  }

  get state(): LeaderState {
    const { value } = this.#actor.getSnapshot()
    return typeof value === 'string' ? value : 'leading'
  }

  /** Of the term that this node leads; undefined while it does not. */
  get epoch(): number | undefined {
    return this.#term
  }

  /** Who leads, as far as it is known. */
  get leader(): string | undefined {
    return this.#term === undefined ? this.#context.holder : this.#options.link.node
  }

  /** To be asked before each act of a leader: a process that was paused finds itself deposed here, and not a moment later. */
  mayAct(): boolean {
    const at = this.#now()
    const { fence } = this.#context
    if (this.#term === undefined || (fence !== undefined && at < fence)) return this.#term !== undefined
    this.#tell({ type: 'look', at })
    return false
  }

  /** Gives up what it holds, for a successor to take at once. */
  async stop(): Promise<void> {
    this.#stopListening()
    this.#tell({ type: 'stop', at: this.#now() })
    // An answer that is under way may yet be a lease, and one that was lost may have been.
    await this.#asking
    await this.#options.link.lease.release()
  }

  get #context(): LeaderContext {
    return this.#actor.getSnapshot().context
  }

  #now(): number {
    return this.#options.clock.now()
  }

  /** Nothing once it has stopped: an answer, or a second stop, may come after that. */
  #tell(event: LeaderEvent): void {
    if (this.state !== 'stopped') this.#actor.send(event)
  }

  #heard(node: string, leads: boolean): void {
    const { holder } = this.#context
    if (!leads && node === holder && node !== this.#options.link.node) this.#tell({ type: 'lease.freed', at: this.#now() })
  }

  #due(): void {
    const at = this.#now()
    this.#tell({ type: 'look', at })
    const { askAt } = this.#context
    if (askAt !== undefined && askAt <= at) {
      // It would let go of whatever it has not read of.
      if (this.#term === undefined && this.#options.link.directives.behind) {
        this.#options.clock.arm(this.#timer, at + SOON)
        return
      }
      this.#tell({ type: 'timer.ask', at })
      if (this.state !== 'deposed' && this.state !== 'stopped') this.#ask()
    }
    this.#arm()
  }

  /** One question at a time: the answer to the last one serves as well. */
  #ask(): void {
    this.#asking ??= this.#answered(this.#now()).finally(() => {
      this.#asking = undefined
    })
  }

  async #answered(asked: number): Promise<void> {
    try {
      const answer = await this.#options.link.lease.take()
      const at = this.#now()
      const { lifetime } = this.#options.link.lease
      if (answer.held) this.#tell({ type: 'lease.held', at, asked, epoch: answer.epoch, lifetime })
      else this.#tell({ type: 'lease.taken', at, holder: answer.holder, lifetime })
    } catch {
      this.#tell({ type: 'lease.failed', at: this.#now() })
    }
  }

  /** The machine has moved. */
  #follow(): void {
    const { epoch } = this.#context
    const term = this.state === 'leading' ? epoch : undefined
    const before = this.#term
    if (term !== before) {
      this.#term = undefined
      if (before !== undefined) this.#options.ended(before)
      this.#term = term
      if (term !== undefined) this.#options.began(term)
    }
    this.#arm()
  }

  #arm(): void {
    const { clock } = this.#options
    const due = this.state === 'stopped' ? undefined : leaderDeadline(this.#context, this.state === 'leading')
    if (due === undefined) clock.disarm(this.#timer)
    else clock.arm(this.#timer, due)
  }
}
