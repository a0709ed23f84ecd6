// What `switchgear demo` does: real calls through breakers while an incident is played to them, then a replay of its journal.
import { existsSync, mkdirSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DEFAULT_PORT } from '../../inspect.ts'
import { systemClock } from '../../model/clock.ts'
import { freshSeed } from '../../model/random.ts'
import { CommandFailure, inOneLine } from '../commandFailure.ts'
import { interruption } from '../interruption.ts'
import { differenceReport } from '../replay/differenceReport.ts'
import { replayWords } from '../replay/replayWords.ts'
import { LiveScreen } from '../terminal/liveScreen.ts'
import { styleFor } from '../terminal/style.ts'
import { balanceLines } from './balanceLines.ts'
import type { DemoBoard } from './demoBoard.ts'
import { type DemoResult, runDemo } from './demoRun.ts'
import { type DemoService, ROUTES } from './demoServices.ts'
import { liveView } from './liveView.ts'
import { plainView } from './plainView.ts'
import { type DemoView, noView } from './view.ts'

export interface DemoFlags {
  readonly seconds: number
  readonly out?: string
  readonly json?: boolean
  readonly inspect?: true | number
  readonly seed?: number
}

/** Fewer columns than this hold no table. */
const NARROWEST = 40

export async function runDemoCommand({ seconds, out, json = false, inspect, seed = freshSeed() }: DemoFlags): Promise<void> {
  const signal = interruption()
  const journal = journalFile(out)
  const style = styleFor(process.stdout)
  const print = (text: string): void => {
    if (!json) console.log(text)
  }
  const watch = (board: DemoBoard, startedAt: number, endsAt: number): DemoView => {
    if (board.inspector) print(`inspector: ${board.inspector.url} (open it in a browser)`)
    if (json) return noView
    const { isTTY, columns = 80 } = process.stdout
    if (isTTY !== true || columns < NARROWEST || process.env.TERM === 'dumb') return plainView({ board, startedAt, style, print })
    return liveView({ board, screen: new LiveScreen(process.stdout), style, startedAt, endsAt })
  }
  const inspectPort = inspect === true ? DEFAULT_PORT : inspect
  let result: DemoResult
  try {
    result = await runDemo({ clock: systemClock, seconds, journal, seed, inspectPort, signal, watch })
  } catch (error) {
    if (signal.aborted) {
      print(`stopped; journal: ${journal}`)
      return
    }
    throw portTaken(error, inspectPort)
  }
  const { balance, replay, ledger } = result
  const missed = ledger.missed()
  if (missed.length > 0 || replay.differences > 0) process.exitCode = 1
  if (json) {
    const states = Object.fromEntries(Object.keys(ROUTES).map((name) => [name, ledger.route(name as DemoService)]))
    console.log(JSON.stringify({ seconds, seed, journal, states, missed, balance, replay }))
    return
  }
  print(`\n${style.bold('What the breakers were worth')}`)
  for (const line of balanceLines(balance)) print(`  ${line}`.trimEnd())
  print('')
  for (const line of missed) print(style.red(`not visited: ${line}`))
  if (replay.first) print(`${differenceReport(replay.first, style)}\n`)
  print(`journal: ${journal}`)
  print((replay.differences === 0 ? style.green : style.red)(replayWords(replay)))
}

/** A journal that is there already is left alone: it is another run's. */
function journalFile(out: string | undefined): string {
  try {
    if (out === undefined) return join(mkdtempSync(join(tmpdir(), 'switchgear-demo-')), 'demo.jsonl')
    mkdirSync(out, { recursive: true })
  } catch (error) {
    throw new CommandFailure(`the journal has no place to be: ${inOneLine(error)}`, 2, { cause: error })
  }
  for (let number = 1; ; number++) {
    const file = join(out, number === 1 ? 'demo.jsonl' : `demo-${number}.jsonl`)
    if (!existsSync(file)) return file
  }
}

function portTaken(error: unknown, port: number | undefined): unknown {
  if (!(error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')) return error
  return new CommandFailure(`port ${port} is taken; choose another with --inspect PORT`, 2, { cause: error })
}
