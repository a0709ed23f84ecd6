// The demo on a terminal: a table of the services that is redrawn where it stands, and below it the last transitions and
// alerts.
import type { AlertRecord, TransitionRecord } from '../../model/records.ts'
import { STATES, type StateName, stateOf } from '../../model/states.ts'
import type { LiveScreen } from '../terminal/liveScreen.ts'
import type { Style } from '../terminal/style.ts'
import { type Cell, type Column, clip, textTable } from '../terminal/textTable.ts'
import { conditionWords } from './conditionWords.ts'
import type { DemoBoard } from './demoBoard.ts'
import type { DemoService } from './demoServices.ts'
import { statePaint } from './stateStyle.ts'
import type { DemoView } from './view.ts'

const COLUMNS: readonly Column[] = [
  { title: 'service', width: 10 },
  { title: 'state', width: 23 },
  { title: 'ends in', align: 'right', width: 7, dispensable: 3 },
  { title: 'sent', align: 'right', width: 5, dispensable: 2 },
  { title: 'failed', align: 'right' },
  { title: 'refused', align: 'right' },
  { title: 'p95 ms', align: 'right', width: 6, dispensable: 4 },
  { title: 'upstream', width: 22, dispensable: 1 },
]
const RECORDS_SHOWN = 8
const BAR = 24

export interface LiveViewOptions {
  readonly board: DemoBoard
  readonly screen: LiveScreen
  readonly style: Style
  /** When the demo began and should end, epoch ms. */
  readonly startedAt: number
  readonly endsAt: number
}

export function liveView({ board, screen, style, startedAt, endsAt }: LiveViewOptions): DemoView {
  let saying = ''
  const recent: (TransitionRecord | AlertRecord)[] = []
  const remember = (record: TransitionRecord | AlertRecord): void => {
    recent.push(record)
    if (recent.length > RECORDS_SHOWN) recent.shift()
  }
  const seen = new Set<StateName>(['closed'])

  const draw = (): void => {
    const { width } = screen
    const now = board.clock.now()
    const services = Object.keys(board.gear.services) as DemoService[]
    const lines = [
      '',
      header(now, width),
      clip(`▸ ${saying}`, width).replace(saying, style.bold(saying)),
      '',
      ...textTable(
        COLUMNS,
        services.map((name) => row(name, now)),
        width,
        style.dim,
      ),
      '',
      statesLine(width),
      systemLine(width),
      '',
    ]
    const room = Math.min(RECORDS_SHOWN, screen.height - lines.length)
    for (let i = 0; i < room; i++) {
      const record = recent[recent.length - Math.min(room, recent.length) + i]
      lines.push(record === undefined ? '' : record.type === 'alert' ? alertLine(record, width) : transitionLine(record, width))
    }
    screen.draw(lines)
  }

  const header = (now: number, width: number): string => {
    const share = Math.min(1, (now - startedAt) / (endsAt - startedAt))
    const left = Math.max(0, Math.ceil((endsAt - now) / 1000))
    const done = Math.round(share * BAR)
    const bar = `${'━'.repeat(done)}${'─'.repeat(BAR - done)}`
    const text = `switchgear demo  ${bar}  ${left} s left`
    return text.length <= width ? text.replace(bar, style.green(bar)) : clip(`switchgear demo  ${left} s left`, width)
  }

  /** All seven, those already visited in their colours. */
  const statesLine = (width: number): string => {
    const whole = `states   ${STATES.map((state) => `· ${state}`).join(' ')}`
    if (whole.length > width) return clip(`states   ${seen.size} of ${STATES.length} visited`, width)
    const marks = STATES.map((state) => (seen.has(state) ? statePaint(state, style)(`✓ ${state}`) : style.dim(`· ${state}`)))
    return `states   ${marks.join(' ')}`
  }

  /** How the board is as a whole. */
  const systemLine = (width: number): string => {
    const { state, health, roots } = board.gear.system
    const root = Object.keys(roots).join(', ')
    const words = `${state}, health ${health.toFixed(2)}${root === '' ? '' : `, at the root: ${root}`}`
    const line = clip(`system   ${words}`, width)
    return state === 'healthy' ? line : line.replace(words, style.yellow(words))
  }

  const row = (name: DemoService, now: number): Cell[] => {
    const { path, state, until, stats } = board.gear.services[name]
    const { condition } = board[name]
    const words = conditionWords(condition)
    const { successes, failures, latency } = stats
    const rejected = board.ledger.refused(name)
    return [
      { text: name },
      { text: path, paint: statePaint(state, style) },
      { text: until === undefined ? '' : `${(Math.max(0, until - now) / 1000).toFixed(1)} s` },
      { text: String(successes + failures) },
      { text: String(failures), paint: failures > 0 ? style.red : undefined },
      { text: String(rejected), paint: rejected > 0 ? style.yellow : undefined },
      { text: latency.p95 < 10 ? latency.p95.toFixed(1) : latency.p95.toFixed(0) },
      { text: words, paint: condition.kind === 'healthy' ? style.dim : style.red },
    ]
  }

  const transitionLine = ({ at, service, from, to, reason }: TransitionRecord, width: number): string => {
    const time = `${(Math.max(0, at - startedAt) / 1000).toFixed(2).padStart(6)} s`
    const text = clip(`${time}  ${service.padEnd(10)}  ${from} → ${to}  ${reason}`, width)
    return text
      .replace(time, style.dim(time))
      .replace(`→ ${to}`, `→ ${statePaint(stateOf(to), style)(to)}`)
      .replace(new RegExp(`${reason.replace(/[^\w]/g, '\\$&')}$`), style.dim(reason))
  }

  const alertLine = ({ at, code, message }: AlertRecord, width: number): string => {
    const time = `${(Math.max(0, at - startedAt) / 1000).toFixed(2).padStart(6)} s`
    const text = clip(`${time}  ! ${code}: ${message}`, width)
    return text.replace(time, style.dim(time)).replace(`! ${code}`, style.yellow(`! ${code}`))
  }

  return {
    said(what) {
      saying = what
      draw()
    },
    moved(transition) {
      remember(transition)
      seen.add(stateOf(transition.to))
    },
    alerted: remember,
    tick: draw,
    end() {
      draw()
      screen.end()
    },
  }
}
