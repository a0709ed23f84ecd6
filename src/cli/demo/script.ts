// The incident of the demo, act by act.
import { budgetAct } from './budgetAct.ts'
import type { DemoBoard } from './demoBoard.ts'
import type { Episode } from './ledger.ts'
import { limitAct } from './limitAct.ts'
import { type OutageEpisodes, outageAct } from './outageAct.ts'
import { pause } from './pause.ts'
import { poorAct } from './poorAct.ts'
import { slowAct } from './slowAct.ts'
import { Stage, type StageOptions } from './stage.ts'

/** The episodes of the incident, for the balance at its end. */
export interface Incident extends OutageEpisodes {
  readonly slowDown: Episode
  readonly lostIndex: Episode
  readonly poorAnswers: Episode
  readonly fullMemory: Episode
  readonly rateLimit: Episode
  readonly quota: Episode
  readonly budget: Episode
}

export interface ScriptOptions extends StageOptions {
  /** When the demo should be over, epoch ms. */
  readonly endsAt: number
}

/** Plays the incident. Rejects with the signal's reason once that is aborted. */
export async function playIncident(board: DemoBoard, options: ScriptOptions): Promise<Incident> {
  const { unit, endsAt, signal, say } = options
  const stage = new Stage(board, options)
  say('all is well')
  await stage.wait(1.5)
  const { slowDown, lostIndex } = await slowAct(stage)
  const { poorAnswers, fullMemory } = await poorAct(stage)
  const { rateLimit, quota } = await limitAct(stage)
  const { budget } = await budgetAct(stage)
  const { outage, cascade, maintenance, recovery } = await outageAct(stage)
  say('all is well again; traffic grows back')
  await pause(board.clock, Math.max(unit, endsAt - board.clock.now()), signal)
  return { slowDown, lostIndex, poorAnswers, fullMemory, rateLimit, quota, budget, outage, cascade, maintenance, recovery }
}
