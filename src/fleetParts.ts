// What a board that is part of a fleet is built from beside its own: its link, the journals of the fleet, and what it goes
// by should it lead. Used by switchgear.ts; the NATS client is loaded where there is a fleet, and nowhere else.
import { join } from 'node:path'
import type { FleetNodeOptions } from './actors/fleet/fleetNode.ts'
import type { Bus } from './bus/bus.ts'
import { FileJournal } from './bus/fileJournal.ts'
import type { FleetLink } from './bus/fleetLink.ts'
import type { Journal } from './bus/journal.ts'
import { newNode } from './bus/nats/session.ts'
import type { Clock } from './model/clock.ts'
import type { ConfigInput, ResolvedConfig } from './model/config.ts'
import type { BusConfig } from './model/fleet/busConfig.ts'
import type { Kind } from './model/kinds.ts'
import { freshSeed } from './model/random.ts'
import type { ServiceProfile } from './services/serviceProfile.ts'

/** How to reach a fleet; a link to it; or a bus within the process. */
export type BusOption = ConfigInput['bus'] | FleetLink | Bus

export type NamedBus = BusConfig & { readonly node: string }

export interface BusParts {
  readonly ownBus: Bus | undefined
  readonly ownLink: FleetLink | undefined
  /** The part of the configuration that it is, if it is one. */
  readonly config: { readonly bus?: unknown }
}

export function busParts(option: BusOption): BusParts {
  const ownBus = isBus(option) ? option : undefined
  const ownLink = isLink(option) ? option : undefined
  return { ownBus, ownLink, config: ownBus || ownLink || option === undefined ? {} : { bus: option } }
}

export function named(bus: BusConfig | undefined): NamedBus | undefined {
  return bus && { ...bus, node: bus.node ?? newNode() }
}

/** Begins to connect, and waits for nothing. */
export async function linkOf(bus: NamedBus, clock: Clock, session: string): Promise<FleetLink> {
  const { NatsLink } = await import('./bus/nats/natsLink.ts')
  return new NatsLink(bus, { clock, session })
}

/** A link that is there before its board, for whoever listens to it too. It is closed with the board. */
export interface Linked {
  readonly link: FleetLink
  readonly session: string
  /** What the link was made of. */
  readonly bus: NamedBus
  /** In place of those in the stream. */
  readonly journals?: FleetJournals | undefined
}

/** The journals that a node of a fleet keeps. */
export interface FleetJournals {
  own(): Journal
  /** Of a term that this process leads. */
  ofTerm(epoch: number, before: number): Journal
}

/** Where `bus.journal` asks for them: in the fleet's stream, under the name of the node and those of its terms. */
export async function streamJournals(bus: NamedBus | undefined, clock: Clock): Promise<FleetJournals | undefined> {
  if (!bus?.journal) return undefined
  const { JetstreamJournal } = await import('./bus/nats/jetstreamJournal.ts')
  const { journalFit } = await import('./bus/nats/journalStream.ts')
  const fit = journalFit(bus)
  const named = (node: string): Journal => new JetstreamJournal({ bus: { ...bus, node }, clock, fit })
  return { own: () => named(bus.node), ofTerm: (epoch, before) => named(nameOfTerm(epoch, before)) }
}

/** In files of a directory, by the same names. */
export function fileJournals(directory: string, { node }: NamedBus, clock: Clock): FleetJournals {
  const named = (name: string): Journal => new FileJournal({ file: join(directory, `${name}.jsonl`), clock })
  return { own: () => named(node), ofTerm: (epoch, before) => named(nameOfTerm(epoch, before)) }
}

/** The journal of a term that is over may still be written when the next one of its epoch begins. */
function nameOfTerm(epoch: number, before: number): string {
  return before === 0 ? `leader-${epoch}` : `leader-${epoch}-${before + 1}`
}

/** A leader goes by the services of its own configuration, and how those are coordinated. */
export function leadingOf(
  { services, orchestrator }: ResolvedConfig,
  profileFor: (kind: Kind, service: string) => ServiceProfile,
  journals: FleetJournals | undefined,
): NonNullable<FleetNodeOptions['leading']> {
  return { services, orchestrator, profileFor, seed: freshSeed(), journal: journals?.ofTerm }
}

function isBus(value: unknown): value is Bus {
  return typeof value === 'object' && value !== null && 'wants' in value && typeof value.wants === 'function'
}

function isLink(value: unknown): value is FleetLink {
  return typeof value === 'object' && value !== null && 'lease' in value && 'directives' in value && 'publish' in value
}
