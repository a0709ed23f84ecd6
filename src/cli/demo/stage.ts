// What the acts of the script have in common: the board they play on, the time they take, and how they wait. They go on when a
// state was reached, or when their patience is over, and so run alike on fast machines and slow ones.
import type { StateName } from '../../model/states.ts'
import type { DemoBoard } from './demoBoard.ts'
import type { DemoService } from './demoServices.ts'
import type { Episode } from './ledger.ts'
import { pause } from './pause.ts'

export interface StageOptions {
  /** A twentieth of the demo, ms. */
  readonly unit: number
  readonly signal: AbortSignal
  /** Told what the script does now. */
  readonly say: (what: string) => void
}

/** Patience is at least this, where units are short: a slow machine needs it. ms. */
const LEAST_PATIENCE = 4000
const LOOK_EVERY_MS = 20

export class Stage {
  readonly board: DemoBoard
  readonly unit: number
  readonly signal: AbortSignal
  readonly say: (what: string) => void

  constructor(board: DemoBoard, { unit, signal, say }: StageOptions) {
    this.board = board
    this.unit = unit
    this.signal = signal
    this.say = say
  }

  begin(service: DemoService): Episode {
    const { clock, ledger } = this.board
    return ledger.begin(service, Math.floor(clock.now()))
  }

  /** Rejects, as {@link until}, with the signal's reason once that is aborted. */
  wait(units: number): Promise<void> {
    return pause(this.board.clock, units * this.unit, this.signal)
  }

  /** Waits until `reached`, for so many units at most. */
  async until(reached: () => boolean, units: number): Promise<void> {
    const { clock } = this.board
    const patience = clock.now() + Math.max(units * this.unit, LEAST_PATIENCE)
    while (!reached() && clock.now() < patience) await pause(clock, LOOK_EVERY_MS, this.signal)
  }

  is(service: DemoService, state: StateName): boolean {
    return this.board.gear.state(service) === state
  }
}
