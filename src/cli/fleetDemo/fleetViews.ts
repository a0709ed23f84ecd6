// How the demo of the fleet is watched: as a picture that is redrawn, or, where there is no terminal, as lines.
import { inDollars } from '../../model/budgets/money.ts'
import { statePaint } from '../demo/stateStyle.ts'
import type { LiveScreen } from '../terminal/liveScreen.ts'
import type { Style } from '../terminal/style.ts'
import { type Cell, type Column, clip, textTable } from '../terminal/textTable.ts'
import { NODES, UPSTREAMS } from './demoFleet.ts'
import type { Service } from './processes.ts'
import type { Event, FleetWatch } from './watch.ts'

export interface FleetView {
  said(at: number, what: string): void
  happened(event: Event): void
  /** Time has passed. */
  tick(now: number, watch: FleetWatch, services: readonly Service[]): void
  end(): void
}

export interface ViewOptions {
  /** Epoch ms. */
  readonly startedAt: number
  readonly style: Style
}

const REMEMBERED = 8
const STATUS_EVERY = 5000

export function plainFleetView({ startedAt, style, print }: ViewOptions & { readonly print: (line: string) => void }): FleetView {
  let statusAt = startedAt + STATUS_EVERY
  const time = (at: number): string => style.dim(`${seconds(at - startedAt)} s `)
  return {
    said(at, what) {
      print(`${time(at)} ${style.bold(what)}`)
    },
    happened(event) {
      print(`${time(event.at)}   ${inWords(event, style)}`)
    },
    tick(now, watch, services) {
      if (now < statusAt) return
      statusAt = now + STATUS_EVERY
      const nodes = NODES.map(
        (node) => `${node}: ${UPSTREAMS.map((one) => `${one} ${watch.state(node, one) ?? '?'}`).join(', ')}`,
      )
      const refused = services.reduce((sum, { word }) => sum + (word?.refused ?? 0), 0)
      const spent = inDollars([...watch.spent.values()].reduce((sum, one) => sum + one, 0))
      const all = [`led by ${watch.leader ?? 'nobody'}`, ...nodes, `${refused} refused`, `${spent} spent`]
      print(`${time(now)} ${style.dim(all.join(' · '))}`)
    },
    end() {},
  }
}

const COLUMNS: readonly Column[] = [
  { title: 'node', width: 12 },
  { title: '', width: 5 },
  ...UPSTREAMS.map((title) => ({ title, width: 9 })),
  { title: 'refused', align: 'right', width: 7, dispensable: 1 },
  { title: 'spent', align: 'right', width: 9 },
  { title: 'knows of', align: 'right', width: 9, dispensable: 2 },
]

export function liveFleetView(options: ViewOptions & { readonly screen: LiveScreen; readonly endsAt: number }): FleetView {
  const { startedAt, endsAt, style, screen } = options
  const events: Event[] = []
  let saying = ''
  return {
    said(_, what) {
      saying = what
    },
    happened(event) {
      events.push(event)
      if (events.length > REMEMBERED) events.shift()
    },
    tick(now, watch, services) {
      const width = screen.width
      const known = [...watch.spent]
      const spent = new Map(known)
      const rows = NODES.map((node): Cell[] => {
        const word = services.find((one) => one.node === node)?.word
        return [
          { text: node },
          { text: watch.leader === node ? 'leads' : '', paint: style.cyan },
          ...UPSTREAMS.map((upstream): Cell => {
            const state = watch.state(node, upstream)
            return { text: state ?? '…', paint: state && statePaint(state, style) }
          }),
          { text: String(word?.refused ?? 0), paint: word?.refused ? style.yellow : undefined },
          { text: inDollars(spent.get(node) ?? 0) },
          { text: word ? inDollars(Math.round(word.fleet * 1e9)) : '' },
        ]
      })
      const sum = known.reduce((all, [, one]) => all + one, 0)
      const directives = UPSTREAMS.flatMap((upstream) => {
        const wanted = watch.directive(upstream)
        if (!wanted || (wanted.state === 'closed' && !wanted.hold && wanted.level === 0)) return []
        return `${upstream} ${wanted.state}${wanted.probe ? `, ${wanted.probe} may probe` : ''} (${wanted.reason})`
      })
      const clock = `${seconds(now - startedAt)} of ${seconds(Math.max(endsAt, now) - startedAt).trim()} s`
      screen.draw([
        `${style.dim(clock)}  ${style.bold(clip(saying, width - clock.length - 2))}`,
        '',
        ...textTable(COLUMNS, rows, width, style.dim),
        clip(`${'the fleet'.padEnd(12)}  led by ${watch.leader ?? 'nobody'}; spent ${inDollars(sum)}`, width),
        clip(`${'directives'.padEnd(12)}  ${directives.join('; ') || 'none'}`, width),
        '',
        ...events.map((event) => {
          const text = clip(`${seconds(event.at - startedAt)} s  ${event.who.padEnd(12)}  ${event.what}`, width)
          return paintOf(event, style)(text)
        }),
      ])
    },
    end() {
      screen.end()
    },
  }
}

function inWords(event: Event, style: Style): string {
  return `${event.who.padEnd(12)}  ${paintOf(event, style)(event.what)}`
}

function paintOf({ level }: Event, style: Style): (text: string) => string {
  return level === 'good' ? style.green : level === 'bad' ? style.red : (text) => text
}

function seconds(ms: number): string {
  return (Math.max(0, ms) / 1000).toFixed(1).padStart(5)
}
