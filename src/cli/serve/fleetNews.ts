// What is of note in a fleet, as `switchgear serve` logs it: the connection, who leads, what the fleet's breakers do, and alerts.
import type { FleetLink, LinkStatus } from '../../bus/fleetLink.ts'
import type { Switchgear } from '../../gear.ts'
import { systemClock } from '../../model/clock.ts'
import type { DirectiveEntry } from '../../model/fleet/entries.ts'
import { printable } from '../../model/fleet/wireReason.ts'
import type { AlertLevel } from '../../model/records.ts'
import { toWireName } from '../../model/states.ts'
import type { Style } from '../terminal/style.ts'

export interface News {
  /** Epoch ms, by this process's clock. */
  readonly at: number
  readonly type: 'connection' | 'leader' | 'service' | 'trip' | 'alert' | 'finding'
  readonly level: AlertLevel
  readonly text: string
  readonly service?: string
  readonly node?: string
}

const LONGEST = 400

/** Tells until it is stopped, by what it returns. */
export function fleetNews(link: FleetLink, gear: Pick<Switchgear, 'fleet'>, tell: (news: News) => void): () => void {
  const news = new FleetNews(gear, tell)
  const stops = [
    link.onStatus((status) => news.connection(status)),
    link.nodes.listen(() => news.lookWhoLeads()),
    link.directives.listen((service, entry) => news.directive(service, entry?.value)),
    link.subscribe('alert', (message) => {
      if (message.type === 'alert') news.say('alert', message.level, `${message.code}: ${message.message}`, message)
    }),
    link.subscribe('finding', ({ node, ...message }) => {
      if (message.type !== 'finding') return
      const { finding, over } = message
      const text = `${finding.pattern} among ${finding.services.join(', ')}${over ? ' is over' : ''}`
      news.say('finding', over ? 'info' : 'warning', text, { node, service: message.service })
    }),
  ]
  // It may have been quicker than we.
  if (link.connected) news.say('connection', 'info', `connected to the fleet ${link.fleet}`)
  return () => {
    news.lookWhoLeads()
    for (const stop of stops) stop()
  }
}

export function inWords({ at, type, level, text, service, node }: News, style: Style): string {
  const paint = { info: style.dim, warning: style.yellow, error: style.red, critical: style.red }[level]
  const about = [service, node].filter((name) => name !== undefined && name !== '*').join(' ')
  return `${new Date(at).toISOString()} ${type.padEnd(10)} ${paint(printable(text, LONGEST))}${about === '' ? '' : style.dim(` [${about}]`)}`
}

class FleetNews {
  readonly #gear: Pick<Switchgear, 'fleet'>
  readonly #tell: (news: News) => void
  readonly #states = new Map<string, string>()
  readonly #trips = new Map<string, string>()
  #leads = false
  #leader: string | undefined

  constructor(gear: Pick<Switchgear, 'fleet'>, tell: (news: News) => void) {
    this.#gear = gear
    this.#tell = tell
  }

  say(type: News['type'], level: AlertLevel, text: string, { service, node }: Pick<News, 'service' | 'node'> = {}): void {
    const about = { ...(service === undefined ? undefined : { service }), ...(node === undefined ? undefined : { node }) }
    this.#tell({ at: Math.floor(systemClock.now()), type, level, text, ...about })
  }

  connection(status: LinkStatus): void {
    if (status.type === 'connected') this.say('connection', 'info', `connected to ${status.server}`)
    else if (status.type === 'disconnected') this.say('connection', 'warning', 'the connection is lost')
    else if (status.type === 'refused') this.say('connection', 'error', `the server refuses: ${status.what}`)
    else this.say('connection', 'warning', status.message)
  }

  lookWhoLeads(): void {
    const { fleet } = this.#gear
    if (!fleet) return
    const { leads, leader, node } = fleet
    if (leads !== this.#leads) this.say('leader', 'info', leads ? 'this node leads' : 'this node leads no more', { node })
    else if (!leads && leader !== undefined && leader !== this.#leader) {
      this.say('leader', 'info', `${leader} leads`, { node: leader })
    }
    this.#leads = leads
    this.#leader = leader
  }

  directive(service: string, entry: DirectiveEntry | undefined): void {
    const state = entry === undefined ? 'closed' : toWireName(entry.state)
    if (entry?.trip && entry.trip.id !== this.#trips.get(service)) {
      this.say('trip', 'error', `${service} is tripped in the whole fleet: ${entry.reason}`, { service })
      this.#trips.set(service, entry.trip.id)
    }
    if (state === (this.#states.get(service) ?? 'closed')) return
    this.#states.set(service, state)
    this.say('service', state === 'closed' ? 'info' : 'warning', `${service} is ${state}: ${entry?.reason ?? 'let go'}`, {
      service,
    })
    if (entry === undefined) {
      this.#states.delete(service)
      this.#trips.delete(service)
    }
  }
}
