// The composition root: reads a configuration, and builds and wires everything.
import type { InspectionEvent, Observer } from 'xstate'
import { Board } from './actors/board.ts'
import type { Breaker } from './actors/breaker.ts'
import { BudgetKeeper } from './actors/budgets/budgetKeeper.ts'
import { Correlator } from './actors/correlator.ts'
import { FleetNode } from './actors/fleet/fleetNode.ts'
import { parentOf } from './actors/keyedName.ts'
import { ServiceFollower } from './actors/serviceFollower.ts'
import { DoubleJournal } from './bus/doubleJournal.ts'
import { FileJournal } from './bus/fileJournal.ts'
import type { FleetLink } from './bus/fleetLink.ts'
import type { Journal } from './bus/journal.ts'
import { MemoryBus } from './bus/memoryBus.ts'
import { newSession } from './bus/nats/session.ts'
import { type BusOption, busParts, type Linked, leadingOf, linkOf, named, streamJournals } from './fleetParts.ts'
import { Gear, type RoutesInput, type Switchgear } from './gear.ts'
import { type Clock, systemClock } from './model/clock.ts'
import { type ConfigInput, parseConfig, type ResolvedConfig, type ServiceInput } from './model/config.ts'
import type { Kind } from './model/kinds.ts'
import { freshSeed } from './model/random.ts'
import type { JournalRecord } from './model/records.ts'
import { type OrchestratorRule, systemViewOf, withCodeRules } from './orchestratorRules.ts'
import { lastStand } from './replay/replayJournal.ts'
import { profileFor } from './services/profiles.ts'
import type { ServiceProfile } from './services/serviceProfile.ts'
import { software } from './software.ts'
import { isLogger, type Logger, logAlert, standardError } from './telemetry/alertLog.ts'

export interface SwitchgearOptions<
  Services extends Record<string, ServiceInput>,
  Routes extends RoutesInput = Record<never, never>,
> extends Omit<ConfigInput<Services>, 'journal' | 'routes' | 'bus' | 'log'> {
  /** One name for several of the services; calls to it go to whichever is best placed. */
  readonly routes?: Routes | undefined
  /**
   * A file to keep the journal in: with one that exists, the board goes on where it stopped. Or a journal of your own, which
   * starts afresh whatever it holds, and stays yours: the board opens it, and flushes it when closed; closing it is up to you.
   */
  readonly journal?: ConfigInput['journal'] | Journal
  /** Alerts as log lines: to a logger of yours (pino's, the console), or, with `true`, as JSON on standard error. */
  readonly log?: boolean | Logger | undefined
  /** Rules of yours whose conditions are code; those that need none can stand in `orchestrator.ownRules`. */
  readonly rules?: readonly OrchestratorRule[] | undefined
  /** Told every inspection event of XState, as `createActor`'s own `inspect` is; see also `switchgear demo --inspect`. */
  readonly inspect?: Observer<InspectionEvent> | ((event: InspectionEvent) => void) | undefined
  /** In place of the process's clock, for tests. */
  readonly clock?: Clock | undefined
  /**
   * The fleet that this process is part of: how to reach it, over NATS, or a link of your own, which is closed with the board. Or a
   * bus of your own in place of the one within the process; it stays yours, and is not closed with the board.
   */
  readonly bus?: BusOption
}

export type { Switchgear } from './gear.ts'

/** Builds a board. Throws a ConfigError for a configuration, and a JournalError for a journal, that cannot be used. */
export async function createSwitchgear<
  const Services extends Record<string, ServiceInput>,
  const Routes extends RoutesInput = Record<never, never>,
>(options: SwitchgearOptions<Services, Routes>): Promise<Switchgear<Services, Routes>> {
  return hangUp(options)
}

/** The same; on a link that is there already, if there is one. Then `options.bus` is not looked at. */
export async function hangUp<Services extends Record<string, ServiceInput>, Routes extends RoutesInput = Record<never, never>>(
  options: SwitchgearOptions<Services, Routes>,
  linked?: Linked,
): Promise<Switchgear<Services, Routes>> {
  const { inspect, clock = systemClock, bus: busOption, journal: journalOption, log, rules = [], ...rest } = options
  const ownJournal = isJournal(journalOption) ? journalOption : undefined
  const ownLogger = isLogger(log) ? log : undefined
  const { ownBus, ownLink, config: busConfig } = busParts(linked ? undefined : busOption)
  const bus = ownBus ?? new MemoryBus()
  const config = parseConfig({
    ...rest,
    ...(ownJournal || journalOption === undefined ? undefined : { journal: journalOption }),
    ...(ownLogger || log === undefined ? undefined : { log }),
    ...busConfig,
  })
  const file = fileJournal(config, clock)
  const fleetBus = linked?.bus ?? named(config.bus)
  // Before it is read: what another process still writes would be missing from what we go on from.
  file?.acquire()
  let board: Board | undefined
  let link: FleetLink | undefined
  let kept: Journal | undefined = file
  try {
    const keeper = keeperOf(config, clock, () => board)
    const recall = (record: JournalRecord): void => keeper?.recall(record)
    const { journal } = config
    const now = Math.floor(clock.now())
    const stand = journal ? lastStand(journal.file, now, journal.key?.reveal(), recall) : undefined
    const saved = stand?.breakers ?? []
    const orchestrator = withCodeRules(config.orchestrator, rules)
    const profileFor = profilesOf(config)
    const seed = config.seed ?? freshSeed()
    board = new Board({
      clock,
      bus,
      profileFor,
      seed,
      software,
      inspect,
      outfit: outfitOf(config, keeper),
      spend: keeper && (() => keeper.save()),
      orchestrator,
      rules: rules.map(({ name, when }) => ({ name, when: () => board !== undefined && when(systemViewOf(board)) })),
      correlator: correlatorOf(config, clock, () => board),
    })
    const logger = ownLogger ?? (config.log ? await standardError() : undefined)
    const gear = new Gear<Services, Routes>(board, bus, config, keeper, saved)
    if (logger) gear.stopAtEnd({ stop: bus.subscribe('alert', (event) => event.type === 'alert' && logAlert(logger, event)) })
    board.restore(stand?.orchestrator, now)
    const journals = linked?.journals ?? (await streamJournals(fleetBus, clock))
    if (!ownJournal) kept = keptIn(file, journals?.own())
    await gear.begin(ownJournal ?? kept, !ownJournal, saved.length > 0)
    const session = linked?.session ?? newSession()
    link = linked?.link ?? ownLink ?? (fleetBus && (await linkOf(fleetBus, clock, session)))
    if (link) {
      const leading = fleetBus?.lead === false ? undefined : { ...leadingOf(config, profileFor, journals), inspect }
      gear.join(new FleetNode({ link, board, bus, clock, keeper, session, software, leading }))
    }
    return gear
  } catch (error) {
    board?.stop()
    await link?.close()
    await kept?.close()
    throw error
  }
}

function fileJournal(config: ResolvedConfig, clock: Clock): FileJournal | undefined {
  if (!config.journal) return undefined
  const { key, ...journal } = config.journal
  return new FileJournal({ ...journal, ...(key ? { key: key.reveal() } : undefined), clock })
}

/** The file is what a restart goes on from, the other one what the fleet is replayed by. */
function keptIn(file: Journal | undefined, fleets: Journal | undefined): Journal | undefined {
  return file && fleets ? new DoubleJournal(file, fleets) : (file ?? fleets)
}

/** What a live breaker has beside what a replayed one has. Services whose answers tell nothing have nobody to follow them. */
function outfitOf({ services }: ResolvedConfig, keeper: BudgetKeeper | undefined): (breaker: Breaker) => void {
  return (breaker) => {
    breaker.budgets = keeper?.desk(breaker.service)
    const settings = services[breaker.service]?.settings
    breaker.standIns = services[parentOf(breaker.service)]?.settings.fallback ?? []
    const { measure, ladder } = breaker.profile
    if (settings && (measure || ladder)) breaker.follower = new ServiceFollower(breaker, settings)
  }
}

/** Nobody where there is nothing to compare. */
function correlatorOf(
  { orchestrator: { correlation, places } }: ResolvedConfig,
  clock: Clock,
  board: () => Board | undefined,
): Correlator | undefined {
  if (!correlation || Object.keys(places).length < 2) return undefined
  return new Correlator({ clock, places, breakers: () => board()?.breakers ?? [] })
}

/**
 * Who keeps the budgets; nobody where there is neither a budget nor a quota, nor a journal with breakers that an earlier session
 * may have told of some.
 */
function keeperOf(
  { services, budgets, journal }: ResolvedConfig,
  clock: Clock,
  board: () => Board | undefined,
): BudgetKeeper | undefined {
  const quotas = new Map<string, number>()
  for (const [name, { settings }] of Object.entries(services)) if (settings.quota !== undefined) quotas.set(name, settings.quota)
  if (budgets === undefined && quotas.size === 0 && journal === undefined) return undefined
  return new BudgetKeeper({
    budgets,
    quotas,
    services: new Map(Object.entries(services).map(([name, { kind }]) => [name, kind])),
    clock,
    tell: (service, signal, at) => board()?.get(service)?.signal(at, signal),
    alert: (record) => {
      board()?.emit(record)
      board()?.deliver()
    },
    standing: (service) => board()?.get(service)?.context.standing,
  })
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
