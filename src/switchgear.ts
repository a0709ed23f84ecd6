// The composition root: reads a configuration, and builds and wires everything.
import type { InspectionEvent, Observer } from 'xstate'
import { Board } from './actors/board.ts'
import type { Breaker } from './actors/breaker.ts'
import { parentOf } from './actors/keyedName.ts'
import { ServiceFollower } from './actors/serviceFollower.ts'
import type { Bus } from './bus/bus.ts'
import { FileJournal } from './bus/fileJournal.ts'
import type { Journal } from './bus/journal.ts'
import { MemoryBus } from './bus/memoryBus.ts'
import { Gear, type Switchgear } from './gear.ts'
import { type Clock, systemClock } from './model/clock.ts'
import { type ConfigInput, parseConfig, type ResolvedConfig, type ServiceInput } from './model/config.ts'
import type { Kind } from './model/kinds.ts'
import { freshSeed } from './model/random.ts'
import { lastStand } from './replay/replayJournal.ts'
import { profileFor } from './services/profiles.ts'
import type { ServiceProfile } from './services/serviceProfile.ts'
import { software } from './software.ts'

export interface SwitchgearOptions<Services extends Record<string, ServiceInput>> extends Omit<ConfigInput<Services>, 'journal'> {
  /**
   * A file to keep the journal in: with one that exists, the board goes on where it stopped. Or a journal of your own, which
   * starts afresh whatever it holds, and stays yours: the board opens it, and flushes it when closed; closing it is up to you.
   */
  readonly journal?: ConfigInput['journal'] | Journal
  /** Told every inspection event of XState, as `createActor`'s own `inspect` is; see also `switchgear demo --inspect`. */
  readonly inspect?: Observer<InspectionEvent> | ((event: InspectionEvent) => void) | undefined
  /** In place of the process's clock, for tests. */
  readonly clock?: Clock | undefined
  /** In place of the bus within the process; it stays yours, and is not closed with the board. */
  readonly bus?: Bus | undefined
}

export type { Switchgear } from './gear.ts'

/** Builds a board. Throws a ConfigError for a configuration, and a JournalError for a journal, that cannot be used. */
export async function createSwitchgear<const Services extends Record<string, ServiceInput>>(
  options: SwitchgearOptions<Services>,
): Promise<Switchgear<Services>> {
  const { inspect, clock = systemClock, bus = new MemoryBus(), journal: journalOption, ...rest } = options
  const ownJournal = isJournal(journalOption) ? journalOption : undefined
  const config = parseConfig(ownJournal || journalOption === undefined ? rest : { ...rest, journal: journalOption })
  const file = fileJournal(config, clock)
  // Before it is read: what another process still writes would be missing from what we go on from.
  file?.acquire()
  let board: Board | undefined
  try {
    const saved = config.journal ? lastStand(config.journal.file, Math.floor(clock.now()), config.journal.key?.reveal()) : []
    board = new Board({
      clock,
      bus,
      profileFor: profilesOf(config),
      seed: config.seed ?? freshSeed(),
      software,
      inspect,
      outfit: outfitOf(config),
    })
    const gear = new Gear<Services>(board, bus, config, saved)
    await gear.begin(ownJournal ?? file, file !== undefined, saved.length > 0)
    return gear
  } catch (error) {
    board?.stop()
    await file?.close()
    throw error
  }
}

function fileJournal(config: ResolvedConfig, clock: Clock): FileJournal | undefined {
  if (!config.journal) return undefined
  const { key, ...journal } = config.journal
  return new FileJournal({ ...journal, ...(key ? { key: key.reveal() } : undefined), clock })
}

/** What a live breaker has beside what a replayed one has. Services whose answers tell nothing have nobody to follow them. */
function outfitOf({ services }: ResolvedConfig): (breaker: Breaker) => void {
  return (breaker) => {
    const settings = services[breaker.service]?.settings
    breaker.standIns = services[parentOf(breaker.service)]?.settings.fallback ?? []
    const { measure, ladder } = breaker.profile
    if (settings && (measure || ladder)) breaker.follower = new ServiceFollower(breaker, settings)
  }
}

/** One profile a service, which the breakers of its keys share. */
function profilesOf({ services }: ResolvedConfig): (kind: Kind, service: string) => ServiceProfile {
  const made = new Map<string, ServiceProfile>()
  return (kind, service) => {
    const known = made.get(service)
    if (known) return known
    const profile = profileFor(kind, services[service]?.settings)
    made.set(service, profile)
    return profile
  }
}

function isJournal(value: unknown): value is Journal {
  return typeof value === 'object' && value !== null && 'append' in value && typeof value.append === 'function'
}
