// The demo where there is no terminal: one line for each thing that happens, and now and then one on how everything stands.
import type { AlertRecord, TransitionRecord } from '../../model/records.ts'
import { stateOf } from '../../model/states.ts'
import type { Style } from '../terminal/style.ts'
import type { DemoBoard } from './demoBoard.ts'
import type { DemoService } from './demoServices.ts'
import { statePaint } from './stateStyle.ts'
import type { DemoView } from './view.ts'

const STATUS_EVERY_MS = 5000

export interface PlainViewOptions {
  readonly board: DemoBoard
  /** When the demo began, epoch ms. */
  readonly startedAt: number
  readonly style: Style
  readonly print: (line: string) => void
}

export function plainView({ board, startedAt, style, print }: PlainViewOptions): DemoView {
  let statusAt = startedAt + STATUS_EVERY_MS
  const time = (at: number): string => style.dim(`${((at - startedAt) / 1000).toFixed(2).padStart(6)} s `)
  return {
    said(what) {
      print(`${time(board.clock.now())} ${style.bold(what)}`)
    },
    moved({ at, service, from, to, reason }: TransitionRecord) {
      const paint = statePaint(stateOf(to), style)
      print(`${time(Math.max(at, startedAt))}   ${service.padEnd(10)}  ${from} → ${paint(to)}  ${style.dim(`(${reason})`)}`)
    },
    alerted({ at, code, message }: AlertRecord) {
      print(`${time(Math.max(at, startedAt))}   ${style.yellow(`! ${code}`)}: ${message}`)
    },
    tick() {
      const now = board.clock.now()
      if (now < statusAt) return
      statusAt = now + STATUS_EVERY_MS
      const words = (Object.keys(board.gear.services) as DemoService[]).map((name) => {
        const { state, stats } = board.gear.services[name]
        return `${name} ${state}, ${stats.successes} ok, ${stats.failures} failed, ${board.ledger.refused(name)} refused`
      })
      print(`${time(now)} ${style.dim(words.join(' · '))}`)
    },
    end() {},
  }
}
