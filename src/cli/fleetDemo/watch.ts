// What is seen of the fleet from outside, over the bus alone: who leads, how each node's breakers stand, what the leader wants, what
// was spent. The demo's pictures and its script look at it.
import type { FleetLink } from '../../bus/fleetLink.ts'
import type { DirectiveEntry, NodeEntry } from '../../model/fleet/entries.ts'
import type { WireMessage } from '../../model/fleet/wire.ts'
import type { StateName } from '../../model/states.ts'
import { stateOf } from '../../model/states.ts'
import { ILL, NODES } from './demoFleet.ts'

/** Something that happened, in words. */
export interface Event {
  /** Epoch ms, by this process's clock: when it was heard. */
  readonly at: number
  readonly who: string
  readonly what: string
  readonly level: 'plain' | 'good' | 'bad'
}

export class FleetWatch {
  readonly #link: Pick<FleetLink, 'nodes' | 'directives' | 'ledger' | 'subscribe'>
  readonly #now: () => number
  readonly #tell: (event: Event) => void
  readonly #stops: (() => void)[]
  readonly #states = new Map<string, StateName>()
  /** Nodes whose calls were let through while others' were held: probes. */
  readonly probes = new Map<string, number>()
  leader: string | undefined
  leaders = 0
  #told = ''
  #trip: string | undefined

  constructor(
    link: Pick<FleetLink, 'nodes' | 'directives' | 'ledger' | 'subscribe'>,
    now: () => number,
    tell: (event: Event) => void,
  ) {
    this.#link = link
    this.#now = now
    this.#tell = tell
    this.#stops = [
      link.nodes.listen((node, entry) => this.#node(node, entry?.value)),
      link.directives.listen((service, entry) => this.#directive(service, entry?.value)),
      link.subscribe('outcome', (message) => this.#outcome(message)),
    ]
  }

  stop(): void {
    for (const stop of this.#stops) stop()
  }

  state(node: string, service: string): StateName | undefined {
    const path = this.#link.nodes.entries.get(node)?.value.services[service]?.path
    return path && stateOf(path)
  }

  directive(service: string): DirectiveEntry | undefined {
    return this.#link.directives.entries.get(service)?.value
  }

  /** Every service's process has the upstream in this state. */
  all(state: StateName): boolean {
    return NODES.every((node) => this.state(node, ILL) === state)
  }

  /** By node, billionths of a dollar of this month. */
  get spent(): ReadonlyMap<string, number> {
    const sums = new Map<string, number>()
    for (const [node, { value }] of this.#link.ledger.entries) {
      sums.set(
        node,
        Object.values(value.services).reduce((sum, { month }) => sum + month, 0),
      )
    }
    return sums
  }

  #node(node: string, entry: NodeEntry | undefined): void {
    if (!entry) {
      if (this.leader === node) this.leader = undefined
      return
    }
    if (entry.leads && this.leader !== node) {
      this.leader = node
      this.leaders++
      this.#say(node, 'leads the fleet', 'good')
    } else if (!entry.leads && this.leader === node) this.leader = undefined
    if (!NODES.some((name) => name === node)) return
    for (const [service, { path }] of Object.entries(entry.services)) {
      const [key, state] = [`${node} ${service}`, stateOf(path)]
      const before = this.#states.get(key)
      this.#states.set(key, state)
      if (before === undefined || before === state) continue
      this.#say(node, `${service}: ${before} → ${state}`, state === 'closed' ? 'good' : state === 'open' ? 'bad' : 'plain')
    }
  }

  #directive(service: string, entry: DirectiveEntry | undefined): void {
    const { state = 'closed', probe, reason = '', trip } = entry ?? {}
    const told = `${service} ${state === 'closed' ? '' : (probe ?? trip?.id ?? state)}`
    if (told === this.#told || (this.#told === '' && state === 'closed')) return
    // Between two rounds of probes nobody may: that needs no words.
    if (trip && !probe && trip.id === this.#trip && state !== 'closed') return
    this.#told = told
    this.#trip = trip?.id
    if (state === 'closed') this.#say('the fleet', `${service} is back: nothing is asked of anybody any more`, 'good')
    else if (probe) this.#say('the fleet', `${service}: ${probe} may probe, all others wait`, 'plain')
    else if (trip) this.#say('the fleet', `has tripped ${service}: ${reason}`, 'bad')
  }

  #outcome(message: WireMessage): void {
    if (message.type !== 'outcome' || message.service !== ILL) return
    if (message.probe === true) this.probes.set(message.node, (this.probes.get(message.node) ?? 0) + 1)
  }

  #say(who: string, what: string, level: Event['level']): void {
    this.#tell({ at: this.#now(), who, what, level })
  }
}
