// One run of the demo, from its start to the replay of its journal.
import { isKeyed } from '../../actors/keyedName.ts'
import type { Clock } from '../../model/clock.ts'
import { type JournalReplay, replayJournal } from '../../replay/replayJournal.ts'
import { type Balance, balanceOf } from './balance.ts'
import { type DemoBoard, startDemoBoard } from './demoBoard.ts'
import { unitOf } from './demoServices.ts'
import type { Ledger } from './ledger.ts'
import { pause } from './pause.ts'
import { playIncident } from './script.ts'
import type { DemoView } from './view.ts'

export interface DemoRunOptions {
  readonly clock: Clock
  readonly seconds: number
  readonly journal: string
  readonly seed: number
  readonly inspectPort: number | undefined
  readonly signal: AbortSignal
  /** Makes the view once everything stands; times are epoch ms. */
  readonly watch: (board: DemoBoard, startedAt: number, endsAt: number) => DemoView
}

export interface DemoResult {
  readonly balance: Balance
  readonly ledger: Ledger
  readonly replay: JournalReplay
}

const TICK_MS = 100

/** Rejects with the signal's reason once it is aborted; the journal is complete then too. */
export async function runDemo(options: DemoRunOptions): Promise<DemoResult> {
  const { clock, seconds, journal, signal } = options
  const unit = unitOf(seconds)
  const board = await startDemoBoard({ ...options, unit })
  let balance: Balance
  try {
    const startedAt = Math.floor(clock.now())
    const endsAt = startedAt + seconds * 1000
    const view = options.watch(board, startedAt, endsAt)
    const moves = board.gear.events$.subscribe((event) => {
      // The breakers of single models go the way of their service.
      if ('service' in event && isKeyed(event.service)) return
      if (event.type === 'transition') view.moved(event)
      else if (event.type === 'alert') view.alerted(event)
    })
    const ticking = new AbortController()
    const ticks = keepTicking(clock, view, ticking.signal)
    try {
      const incident = await playIncident(board, { unit, endsAt, signal, say: (what) => view.said(what) })
      balance = balanceOf(incident, board)
    } finally {
      ticking.abort()
      await ticks
      moves.unsubscribe()
      view.end()
    }
  } finally {
    await board.close()
  }
  return { balance, ledger: board.ledger, replay: await replayJournal(journal) }
}

async function keepTicking(clock: Clock, view: DemoView, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    view.tick()
    await pause(clock, TICK_MS, signal).catch(() => undefined)
  }
}
