// What came over the bus as a line for people: when, what, of which service, by whom, and what it says.
import type { DirectiveEntry, LedgerEntry, NodeEntry } from '../../model/fleet/entries.ts'
import type { OutcomeMessage, WireMessage } from '../../model/fleet/wire.ts'
import { printable } from '../../model/fleet/wireReason.ts'
import { type StateName, stateOf } from '../../model/states.ts'
import { statePaint } from '../demo/stateStyle.ts'
import { eventWords } from '../replay/eventWords.ts'
import type { Paint, Style } from '../terminal/style.ts'
import type { BusEvent } from './busEvent.ts'
import { dollars } from './dollars.ts'

const LONGEST = 400
const plain: Paint = (text) => text

export function eventLine(event: BusEvent, style: Style): string {
  const { paint, words } = told(event, style)
  const time = 'at' in event ? new Date(event.at).toISOString().slice(11, 23) : ' '.repeat(12)
  const text = printable(words, LONGEST)
  return `${style.dim(time)} ${event.type.padEnd(10)} ${style.bold(aboutOf(event).padEnd(12))} ${style.dim(byOf(event).padEnd(12))} ${paint(text)}`
}

function aboutOf(event: BusEvent): string {
  if ('service' in event) return event.service
  return event.type === 'removed' ? event.key : '-'
}

function byOf(event: BusEvent): string {
  if ('node' in event) return event.node
  return event.type === 'rejected' ? event.by : '-'
}

interface Told {
  readonly paint: Paint
  readonly words: string
}

function told(event: BusEvent, style: Style): Told {
  switch (event.type) {
    case 'directive':
      return { paint: statePaint(event.state, style), words: directiveWords(event) }
    case 'node':
      return { paint: style.dim, words: nodeWords(event) }
    case 'ledger':
      return { paint: style.dim, words: ledgerWords(event) }
    case 'removed':
      return { paint: style.dim, words: `is gone from ${event.table}` }
    case 'rejected': {
      const more = event.count > 1 ? ` (and ${event.count - 1} more)` : ''
      return { paint: style.yellow, words: `${event.subject}: ${event.reason}${more}` }
    }
    case 'unreadable':
      return { paint: style.yellow, words: `${event.subject}: ${event.reason}` }
    default:
      return { paint: messagePaint(event, style), words: messageWords(event) }
  }
}

function messageWords(message: WireMessage): string {
  switch (message.type) {
    case 'outcome':
      return outcomeWords(message)
    case 'command': {
      const { name, by, why } = message.command
      return `command ${name} by ${by}: ${why}`
    }
    case 'finding':
      return eventWords({ ...message, service: '*' })
    default:
      return eventWords(message)
  }
}

function outcomeWords({
  result,
  count,
  failure,
  status,
  latency,
  slow,
  retryAfterMs,
  model,
  cost,
  probe,
}: OutcomeMessage): string {
  const words: string[] = [count === undefined ? result : `${count} × ${result}`]
  if (failure !== undefined) words.push(failure)
  if (status !== undefined) words.push(String(status))
  words.push(`in ${Math.round(latency)} ms`)
  if (slow !== undefined && slow > 0) words.push(`(${slow} slow)`)
  if (retryAfterMs !== undefined) words.push(`(come back in ${retryAfterMs} ms)`)
  if (model !== undefined) words.push(`by ${model}`)
  if (cost !== undefined) words.push(`for ${dollars(cost)}`)
  if (probe) words.push('as a probe')
  return words.join(' ')
}

export function directiveWords(entry: DirectiveEntry): string {
  const { state, level, admissionRatio, hold, probe, trip, retryAfterMs, rule, reason, epoch } = entry
  const words: string[] = [state]
  if (level > 0) words.push(`level ${level}`)
  if (admissionRatio < 1) words.push(`admits ${Math.round(admissionRatio * 100)}%`)
  if (hold) words.push(probe === undefined ? 'no probes' : `probes on ${probe} only`)
  if (trip !== undefined) words.push(`tripped by ${trip.why} (${trip.open} of ${trip.nodes} nodes open)`)
  if (retryAfterMs !== undefined) words.push(`come back in ${retryAfterMs} ms`)
  return `${words.join(', ')}; ${rule}: ${reason} (epoch ${epoch})`
}

function nodeWords({ services, leads, dropped, software }: NodeEntry): string {
  const states = Object.entries(services).map(([name, { path }]) => `${name} ${path}`)
  const notes = [leads ? 'leads' : '', dropped > 0 ? `dropped ${dropped} messages` : '', software].filter((note) => note !== '')
  return [states.join(', ') || 'no services', ...(notes.length > 0 ? [`(${notes.join(', ')})`] : [])].join(' ')
}

function ledgerWords({ services }: LedgerEntry): string {
  const spent = Object.entries(services).map(
    ([name, { day, month }]) => `${name} ${dollars(day / 1e9)} this day, ${dollars(month / 1e9)} this month`,
  )
  return spent.join('; ') || 'nothing spent'
}

function messagePaint(message: WireMessage, style: Style): Paint {
  switch (message.type) {
    case 'outcome':
      return { success: style.green, failure: style.red, ignored: plain, rejected: style.yellow }[message.result]
    case 'transition': {
      const state: StateName = stateOf(message.to)
      return statePaint(state, style)
    }
    case 'alert':
      return { info: plain, warning: style.yellow, error: style.red, critical: style.red }[message.level]
    case 'command':
      return style.blue
    case 'finding':
      return style.magenta
    default:
      return style.cyan
  }
}
