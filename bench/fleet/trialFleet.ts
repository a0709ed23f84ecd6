// A fleet on trial: a server, or three; worker processes by name; and the stories that faults are told with.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BusInput } from '../../src/model/fleet/busConfig.ts'
import type { PolicyInput } from '../../src/model/policy.ts'
import type { NatsServer } from '../../test/fleet/natsServer.ts'
import { Member } from './member.ts'
import { moment, type WorkerSettings } from './protocol.ts'

/** What goes down; and what never does, so that nobody has a reason to refuse its calls. */
export const ILL = 'search'
export const WELL = 'cache'

/** Short waits, so that many runs fit into minutes. */
export const POLICY: PolicyInput = {
  trip: { consecutiveFailures: 3, failureRate: false, consecutiveTimeouts: false, slowCallRate: false },
  degrade: false,
  recoveryTimeout: 500,
  recoveryMultiplier: 1,
  recoveryJitter: { from: 1, to: 1 },
  maxProbes: 3,
  successesToClose: 2,
  permitTimeout: 3000,
}

export interface NodeOptions extends Partial<Omit<WorkerSettings, 'bus' | 'file'>> {
  readonly lead?: boolean
  /** Through a proxy on this port. */
  readonly port?: number
}

const RATE = 50

export class TrialFleet {
  readonly directory = mkdtempSync(join(tmpdir(), 'switchgear-trial-'))
  /** Every process there was; the last one of a name is the one that lives. */
  readonly past: Member[] = []
  readonly #byName = new Map<string, Member>()
  readonly #options = new Map<string, NodeOptions>()
  /** The last outage. */
  #began = 0

  constructor(
    readonly name: string,
    readonly servers: readonly NatsServer[],
    readonly bus: Partial<BusInput> = {},
  ) {}

  get members(): Member[] {
    return [...this.#byName.values()]
  }

  get callers(): Member[] {
    return this.members.filter(({ settings }) => settings.rate > 0)
  }

  get leader(): Member | undefined {
    return this.members.find(({ leads }) => leads)
  }

  of(name: string): Member {
    const member = this.#byName.get(name)
    if (!member) throw new Error(`there is no ${name}`)
    return member
  }

  /** Starts a process of that name, as before where nothing else is said. */
  start(name: string, options: NodeOptions = this.#options.get(name) ?? {}): Member {
    this.#options.set(name, options)
    const { lead = false, port, ...rest } = options
    const servers = port === undefined ? this.servers.map(({ url }) => url) : [`nats://127.0.0.1:${port}`]
    const member = new Member({
      // What a journal may take is set aside on the server at once: there must be room for the tables.
      bus: { limits: { journalBytes: 268_435_456 }, ...this.bus, servers, fleet: this.name, node: name, lead },
      services: [ILL, WELL],
      policy: POLICY,
      rate: lead ? 0 : RATE,
      clockAhead: 0,
      journal: lead ? 'stream' : 'both',
      // A journal of one's own starts afresh; a board's own file is gone on from.
      file: join(this.directory, rest.journal === 'file' ? `${name}.jsonl` : `${name}.${this.past.length}.jsonl`),
      reportEvery: 100,
      ...rest,
    })
    this.#byName.set(name, member)
    this.past.push(member)
    return member
  }

  /** Three that call, two that may lead. */
  async startAll(more: (name: string) => NodeOptions = () => ({})): Promise<void> {
    for (const name of ['a', 'b', 'c']) this.start(name, more(name))
    for (const name of ['l1', 'l2']) this.start(name, { lead: true, ...more(name) })
    await this.settled(60_000)
  }

  /** All are connected, hear of each other, and name the same leader, who leads. Returns when that was so. */
  settled(patience = 20_000): Promise<number> {
    const names = this.members.map(({ node }) => node).sort()
    return this.until('all agree', patience, () => {
      const since = moment() - 1000
      const isOne = this.members.every(
        ({ connected, latest }) =>
          connected && latest && latest.at > since && latest.leader === this.leader?.node && sameNames(latest.nodes, names),
      )
      return this.leader && isOne ? Math.max(...this.members.map(({ latest }) => latest?.at ?? 0)) : undefined
    })
  }

  calm(calm: boolean): void {
    for (const member of this.members) member.tell({ do: 'calm', calm })
  }

  health(up: boolean, ...nodes: string[]): void {
    for (const node of nodes) this.of(node).tell({ do: 'health', service: ILL, up })
  }

  /** The service goes down for the first two callers, who open by themselves. Returns when the second one did. */
  async outage(...nodes: string[]): Promise<number> {
    this.calm(false)
    const since = moment()
    this.#began = since
    // Whom nothing fails will refuse calls too, once the fleet tells it to.
    this.health(true, ...this.callers.map(({ node }) => node).filter((node) => !nodes.includes(node)))
    this.health(false, ...nodes)
    return this.until(`${nodes.join(' and ')} open`, 10_000, () =>
      latestOf(nodes.map((node) => this.of(node).movedAt(since, ILL, ({ to }) => to.startsWith('open')))),
    )
  }

  /** When the node, which saw no failure, was opened by the fleet, and not before the others were open. */
  async tripped(node: string, opened: number, patience = 20_000): Promise<number> {
    const told = await this.until(`${node} is told`, patience, () =>
      this.of(node).movedAt(this.#began, ILL, ({ to, reason }) => to.startsWith('open') && reason.startsWith('fleet_')),
    )
    return Math.max(opened, told)
  }

  /** The service is back: when every breaker is closed and nothing is asked of anybody any more. */
  async recovered(patience = 30_000): Promise<number> {
    const callers = this.callers
    this.health(true, ...callers.map(({ node }) => node))
    const told = moment()
    const at = await this.until('all is well again', patience, () => {
      // A breaker of a process that makes no calls has nothing to close it.
      const isWell = this.members.every(
        ({ alive, settings, latest }) =>
          !alive ||
          (latest !== undefined &&
            latest.at > told &&
            latest.asked.length === 0 &&
            (settings.rate === 0 || Object.values(latest.states).every((state) => state === 'closed'))),
      )
      return isWell ? Math.max(...this.members.map(({ latest }) => latest?.at ?? 0)) : undefined
    })
    this.calm(true)
    return at - told
  }

  /** Waits for what `when` says; rejects when it does not come in time. */
  until(what: string, patience: number, when: () => number | undefined): Promise<number> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const at = when()
        if (at !== undefined) end(() => resolve(at))
      }
      const stops = this.members.map((member) => member.onNews(look))
      const every = setInterval(look, 50)
      const late = setTimeout(
        () => end(() => reject(new Error(`${what}: not within ${patience} ms; ${this.#stand()}`))),
        patience,
      )
      const end = (then: () => void): void => {
        for (const stop of stops) stop()
        clearInterval(every)
        clearTimeout(late)
        then()
      }
      look()
    })
  }

  async stopAll(): Promise<void> {
    await Promise.all(this.members.filter(({ alive }) => alive).map((member) => member.stop()))
  }

  remove(): void {
    for (const member of this.members) if (member.alive) member.signal('SIGKILL')
    rmSync(this.directory, { recursive: true, force: true })
  }

  #stand(): string {
    return this.members
      .map(({ node, alive, complaints, connected, leads, latest }) => {
        if (!alive) return `${node}: gone ${complaints.slice(-300)}`
        const states = Object.entries(latest?.states ?? {}).map(([service, state]) => `${service} ${state}`)
        const asked = latest?.asked.join('+') || 'nothing'
        return `${node}: ${connected ? 'on' : 'off'}${leads ? ' leads' : ''}, by ${latest?.leader}, ${states.join(' ')}, asked ${asked}, hears ${latest?.nodes.join('')}`
      })
      .join('; ')
  }
}

function latestOf(moments: readonly (number | undefined)[]): number | undefined {
  return moments.some((at) => at === undefined) ? undefined : Math.max(...(moments as number[]))
}

function sameNames(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((name, i) => name === other[i])
}
