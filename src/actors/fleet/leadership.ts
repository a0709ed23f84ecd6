// A node's part in leading the fleet: it stands for election, and while it is elected it runs a FleetLeader. Built with the board of a
// process that has a bus, and stopped with it.
import type { Journal } from '../../bus/journal.ts'
import type { Board } from '../board.ts'
import type { Inspector } from '../inspector.ts'
import type { HeardCommand } from './fleetCommands.ts'
import { FleetLeader, type FleetLeaderOptions } from './fleetLeader.ts'
import { LeaderElector, type LeaderState } from './leaderElector.ts'

export interface LeadershipOptions extends Omit<FleetLeaderOptions, 'epoch' | 'before' | 'missed' | 'mayAct' | 'journal'> {
  /** A journal for the fleet's board, one for each term (`before`: terms of the same epoch before it); it is closed with the term. */
  readonly journal?: ((epoch: number, before: number) => Journal | undefined) | undefined
  /** Whether this node leads has changed: its heartbeat should say so at once. */
  readonly changed?: ((leads: boolean) => void) | undefined
  readonly inspect?: Inspector | undefined
}

/** For the server's answers, ms. */
const SLACK = 1000
/** Commands at most. */
const REMEMBERED = 100

export class Leadership {
  readonly #options: LeadershipOptions
  readonly #elector: LeaderElector
  #leader: FleetLeader | undefined
  #journal: Journal | undefined
  /** The epoch led last, and how often: one that was lost can be had again, with a gap between. */
  #terms = { epoch: 0, led: 0 }
  /** What operators have told the fleet of late: who led may have been dead by then. */
  #commands: readonly HeardCommand[] = []
  readonly #stopListening: () => void
  /** Those of terms that are over, which still write what they hold. */
  readonly #closing = new Set<Promise<void>>()

  constructor(options: LeadershipOptions) {
    this.#options = options
    const { link, clock, seed, inspect } = options
    this.#stopListening = link.subscribe('command', (message) => {
      if (message.type === 'command')
        this.#commands = [...this.#recent(), { message, heardAt: Math.floor(clock.now()) }].slice(-REMEMBERED)
    })
    this.#elector = new LeaderElector({
      link,
      clock,
      seed,
      began: (epoch) => this.#began(epoch),
      ended: () => this.#ended(),
      inspect,
    })
  }

  get leads(): boolean {
    return this.#elector.epoch !== undefined
  }

  get epoch(): number | undefined {
    return this.#elector.epoch
  }

  get state(): LeaderState {
    return this.#elector.state
  }

  /** The node that leads, as far as it is known. */
  get leader(): string | undefined {
    return this.#elector.leader
  }

  /** The fleet's board, while this node leads. */
  get board(): Board | undefined {
    return this.#leader?.fleet.board
  }

  /** Nodes it hears, while it leads. */
  get nodes(): number {
    return this.#leader?.view.nodes ?? 0
  }

  /** Leads no more, and leaves the lease for a successor to take at once. */
  async stop(): Promise<void> {
    this.#stopListening()
    await this.#elector.stop()
  }

  /** Resolves when what was journalled of its terms is written, as far as that can be done. Never rejects. */
  async written(): Promise<void> {
    await Promise.all(this.#closing)
  }

  #began(epoch: number): void {
    const before = this.#terms.epoch === epoch ? this.#terms.led : 0
    this.#terms = { epoch, led: before + 1 }
    this.#journal = this.#options.journal?.(epoch, before)
    this.#leader = new FleetLeader({
      ...this.#options,
      epoch,
      before,
      missed: this.#recent(),
      mayAct: () => this.#elector.mayAct(),
      journal: this.#journal,
    })
    this.#options.changed?.(true)
  }

  /** Those of the time in which a lease may have been nobody's: it lapses, and is asked for again after a third of it at most. */
  #recent(): readonly HeardCommand[] {
    const { link, clock } = this.#options
    const since = clock.now() - (link.lease.lifetime * 4) / 3 - SLACK
    return this.#commands.filter(({ heardAt }) => heardAt >= since)
  }

  #ended(): void {
    this.#leader?.stop()
    this.#leader = undefined
    if (this.#journal) this.#close(this.#journal)
    this.#journal = undefined
    this.#options.changed?.(false)
  }

  #close(journal: Journal): void {
    const closing: Promise<void> = journal
      .close()
      .catch(() => undefined)
      .finally(() => this.#closing.delete(closing))
    this.#closing.add(closing)
  }
}
