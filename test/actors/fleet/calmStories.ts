// Fleets to which anything happens on the bus, by a seed: what the properties of calm and of one sick node have in common.

import type { DirectiveEntry } from '../../../src/model/fleet/entries.ts'
import { isDown } from '../../../src/model/orchestrator/context.ts'
import { seededRandom } from '../../../src/model/random.ts'
import type { TransitionRecord } from '../../../src/model/records.ts'
import type { Process, ProcessOptions } from '../../fleet/process.ts'
import { Story } from './leaderStories.ts'

export const SERVICES = ['database', 'search'] as const

const STORM = { lose: 0.2, duplicate: 0.2, loseAnswers: 0.2, delay: [1, 300] }
const SLOW = { lose: 0.05, duplicate: 0.3, loseAnswers: 0.05, delay: [1, 3000] }
const CALM = { lose: 0, duplicate: 0, loseAnswers: 0, delay: [1, 1] }

/** An opening of a breaker that was not away. */
export interface Opening extends Pick<TransitionRecord, 'service' | 'reason'> {
  readonly node: string
  /** Of the world's clock, ms. */
  readonly at: number
}

/** ms between two calls of a caller. */
const PACE = { from: 200, to: 500 }
/** The calls that a rate waits for; ms that news take at most, here; ms between two summaries. */
const [MINIMUM, LATEST, SUMMARY] = [20, 3000, 1000]

/**
 * Once all calls go well, rates only sink; but a breaker that had counted few may come to its minimum of calls with failures from
 * before, and what the slowest caller tells may be under way; ms. Whatever opens later goes by what is over.
 */
export const CALM_AFTER = MINIMUM * PACE.to + LATEST + 2 * SUMMARY

export class Troubled {
  readonly story: Story
  readonly openings: Opening[] = []
  /** When each trip of the fleet was first in its table. */
  readonly trips = new Map<string, number>()
  readonly callers: readonly string[]
  readonly log: string[] = []
  readonly #options = new Map<string, Partial<ProcessOptions>>()
  readonly #random
  readonly #paused = new Set<string>()
  readonly #cut = new Set<string>()
  readonly #away = new Set<string>()
  #sessions = 0
  #server = true

  constructor(seed: number, callers: number) {
    this.#random = seededRandom(seed)
    this.story = new Story({}, { seed })
    const quick = { kind: 'http', recoveryTimeout: 4000, maxRecoveryTimeout: 8000 }
    const config = { services: { database: quick, search: quick } }
    const count = callers + Math.floor(this.draw() * 3)
    this.callers = Array.from({ length: count }, (_, i) => `n${i + 1}`)
    for (const node of this.callers) {
      const every = PACE.from + (PACE.to - PACE.from) * this.draw()
      this.#options.set(node, { config, every, offset: Math.round((this.draw() - 0.5) * 10_000), stands: this.draw() < 0.5 })
    }
    this.#options.set('leader', { config, every: 0, offset: Math.round((this.draw() - 0.5) * 10_000) })
    if (this.draw() < 0.5) this.#options.set('idle', { config, every: 0 })
    const { fleet } = this.story
    const write = fleet.write.bind(fleet)
    fleet.write = (table, key, value) => {
      const trip = value && 'trip' in value ? value.trip : undefined
      if (trip && !this.trips.has(trip.id)) this.trips.set(trip.id, fleet.clock.now())
      write(table, key, value)
    }
    for (const node of this.#options.keys()) this.#start(node)
  }

  draw(): number {
    return this.#random.next()
  }

  pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.draw() * from.length)] as T
  }

  /** Something happens to the fleet's bus, or to its processes. `stay`: callers that neither die nor leave for good. */
  async befall(stay = false): Promise<void> {
    const { fleet } = this.story
    const node = this.pick([...this.#options.keys()])
    const what = this.pick(WHAT)
    this.#say(`${what} ${node}`)
    switch (what) {
      case 'pause':
        fleet.pause(node)
        this.#paused.add(node)
        return
      case 'resume':
        for (const one of this.#paused) fleet.resume(one)
        this.#paused.clear()
        return
      case 'cut':
        fleet.partition(node)
        this.#cut.add(node)
        return
      case 'cut many':
        for (const one of this.#options.keys()) {
          if (this.draw() > 0.6) continue
          fleet.partition(one)
          this.#cut.add(one)
        }
        return
      case 'heal':
        for (const one of this.#cut) fleet.heal(one)
        this.#cut.clear()
        return
      case 'server':
        this.#server = !this.#server
        if (this.#server) fleet.startServer()
        else fleet.stopServer()
        return
      case 'storm':
        Object.assign(fleet.faults, this.pick([STORM, SLOW]))
        return
      case 'still':
        Object.assign(fleet.faults, CALM)
        return
      case 'kill leader':
        if (fleet.leader !== undefined && this.#options.has(fleet.leader)) await this.#end(fleet.leader, true, stay)
        return
      case 'leader leaves':
        if (fleet.leader !== undefined && this.#options.has(fleet.leader)) await this.#end(fleet.leader, false, stay)
        return
      case 'kill':
        await this.#end(node, true, stay)
        return
      case 'leave':
        await this.#end(node, false, stay)
        return
      case 'come':
        for (const one of this.#away) this.#start(one)
        this.#away.clear()
        return
      case 'alone':
        if (!stay) await this.leaveAlone()
    }
  }

  /** Something happens to the services, or to who sees them. */
  befallServices(): void {
    const { story } = this
    const what = this.pick(['down', 'down', 'up', 'sick', 'well', 'failing'])
    this.#say(what)
    if (what === 'down') story.down.add(this.pick(SERVICES))
    else if (what === 'up') story.down.clear()
    else if (what === 'sick') story.sick.add(this.pick(this.callers))
    else if (what === 'well') story.sick.clear()
    else story.failing = this.draw() * 0.8
  }

  /** From now on every call goes well. */
  calm(): number {
    const { story } = this
    this.#say('calm')
    story.down.clear()
    story.sick.clear()
    story.failing = 0
    return story.fleet.clock.now()
  }

  /** All callers but one die. */
  async leaveAlone(): Promise<void> {
    const left = this.pick(this.callers)
    this.#say(`alone ${left}`)
    for (const node of this.callers) if (node !== left) await this.#end(node, true, false, false)
  }

  /** All is as it should be: bus, server, processes. */
  mend(): void {
    const { fleet } = this.story
    this.#say('mend')
    Object.assign(fleet.faults, CALM)
    fleet.startServer()
    this.#server = true
    for (const node of this.#options.keys()) {
      fleet.resume(node)
      fleet.heal(node)
    }
    this.#paused.clear()
    this.#cut.clear()
    for (const one of this.#away) this.#start(one)
    this.#away.clear()
  }

  #say(what: string): void {
    this.log.push(`${Math.round(this.story.fleet.clock.now())} ${what}`)
  }

  #start(node: string): void {
    this.story.add(node, { ...this.#options.get(node), session: `${++this.#sessions}` })
  }

  async #end(node: string, killed: boolean, stay: boolean, returns = stay || this.draw() < 0.5): Promise<void> {
    if (this.#away.has(node)) return
    const { story } = this
    const one = story.get(node)
    this.#collect(one)
    this.#paused.delete(node)
    if (killed) story.kill(node)
    else {
      story.processes.delete(node)
      story.fleet.resume(node)
      void one.leave()
    }
    if (returns) this.#start(node)
    else this.#away.add(node)
  }

  #collect(one: Process): void {
    for (const { service, from, to, reason, at } of one.transitions) {
      if (!isDown(to) || isDown(from) || from === 'maintenance') continue
      this.openings.push({ service, reason, node: one.node, at: at - one.link.clock.offset })
    }
    one.transitions.length = 0
  }

  /** Every opening so far. */
  collected(): readonly Opening[] {
    for (const one of this.story.all) this.#collect(one)
    return this.openings
  }
}

/** What opened too late after a random time of troubles, and what was left at the end. */
export async function findsCalm(seed: number): Promise<{ late: string[]; left: string[]; log: string[] }> {
  const troubled = new Troubled(seed, 1 + (seed % 3))
  const { story } = troubled
  const { fleet } = story
  const some = (from: number, to: number): Promise<void> => story.run(from + (to - from) * troubled.draw())
  await some(5, 25)
  // Failures that nobody has borne out are the more likely to be left where nothing else goes wrong.
  const quiet = troubled.draw() < 0.5
  for (let rounds = 3 + Math.floor(troubled.draw() * 5); rounds > 0; rounds--) {
    if (!quiet && troubled.draw() < 0.5) await troubled.befall()
    else troubled.befallServices()
    await some(1, 12)
  }
  if (quiet) {
    story.down.add(troubled.pick(SERVICES))
    await some(2, 20)
  }
  const calmAt = troubled.calm()
  if (quiet) {
    await some(5, 25)
    await troubled.leaveAlone()
    await some(5, 60)
  }
  for (let rounds = Math.floor(troubled.draw() * 8); rounds > 0; rounds--) {
    await troubled.befall()
    await some(1, 15)
  }
  troubled.mend()
  const mendedAt = fleet.clock.now()
  await story.run(120)
  const late: string[] = []
  for (const [id, at] of troubled.trips) if (at > calmAt + CALM_AFTER) late.push(`trip ${id} after ${at - calmAt} ms`)
  for (const { node, service, reason, at } of troubled.collected()) {
    // A node that was cut off may hear only now of a trip from before, and opens; where nothing is cut off any more, none does.
    const since = reason.startsWith('fleet_') ? mendedAt : calmAt
    if (at > since + CALM_AFTER) late.push(`${node} ${service} ${reason} after ${at - since} ms`)
  }
  const left = [...fleet.stored<DirectiveEntry>('directives').values()].map(({ service, rule }) => `${service} ${rule}`)
  // Who never calls has nothing to find out by that a service is well.
  for (const { node, board } of story.all.filter((one) => troubled.callers.includes(one.node))) {
    for (const service of SERVICES) {
      const path = board.get(service)?.path
      if (path !== 'closed.watching') left.push(`${node} ${service} ${path}`)
    }
  }
  return { late, left, log: troubled.log }
}

/** Whom the fleet opened, of those that call, though one node alone is sick. */
export async function findsOneSick(seed: number): Promise<{ opened: string[]; log: string[] }> {
  const troubled = new Troubled(seed, 3)
  const { story } = troubled
  await story.run(5 + troubled.draw() * 20)
  const sick = troubled.pick(troubled.callers)
  story.sick.add(sick)
  for (let rounds = 6 + Math.floor(troubled.draw() * 15); rounds > 0; rounds--) {
    await troubled.befall(true)
    await story.run(1 + troubled.draw() * 12)
  }
  troubled.mend()
  await story.run(20)
  const others = troubled.collected().filter(({ node }) => node !== sick && troubled.callers.includes(node))
  return { opened: others.map(({ node, service, reason, at }) => `${node} ${service} ${reason} ${at}`), log: troubled.log }
}

const WHAT = [
  'pause',
  'resume',
  'resume',
  'cut',
  'cut many',
  'heal',
  'heal',
  'server',
  'server',
  'storm',
  'still',
  'kill leader',
  'leader leaves',
  'kill',
  'leave',
  'come',
  'alone',
] as const
