// The board as its users hold it: every service by name, and what can be asked of and told to each.
import { Observable, ReplaySubject, takeUntil } from 'rxjs'
import type { Board } from './actors/board.ts'
import type { Breaker } from './actors/breaker.ts'
import type { BudgetKeeper } from './actors/budgets/budgetKeeper.ts'
import { type GearBudgets, NO_BUDGETS } from './actors/budgets/gearBudgets.ts'
import { type ExecuteOptions, execute, type Protected } from './actors/execute.ts'
import type { Fallback, FallbackResult, NoFallback } from './actors/fallback/fallback.ts'
import type { FleetNode, GearFleet } from './actors/fleet/fleetNode.ts'
import { KeyedBreakers } from './actors/keyedBreakers.ts'
import { parentOf } from './actors/keyedName.ts'
import type { Permit } from './actors/permit.ts'
import type { RedisClient, SupportedClient, ValueClient } from './adapters/cache/cacheClients.ts'
import type { CacheOptions } from './adapters/cache/cacheOptions.ts'
import { type GuardedCache, guardedCache } from './adapters/cache/guardedCache.ts'
import type { FetchBackend, FetchOptions, FetchTarget } from './adapters/fetch/fetchTarget.ts'
import { guardedFetch } from './adapters/fetch/guardedFetch.ts'
import { type MonitorOptions, monitorService, type ServiceMonitor } from './adapters/monitor/serviceMonitor.ts'
import type { Bus } from './bus/bus.ts'
import type { Journal } from './bus/journal.ts'
import { checked } from './model/checked.ts'
import { type ConfigInput, type ResolvedConfig, resolveServicePolicy, type ServiceInput } from './model/config.ts'
import { type CallRejectedError, ClosedError, UnknownServiceError } from './model/errors.ts'
import type { PolicyInput } from './model/policy.ts'
import type { GearEvent, SavedBreaker } from './model/records.ts'
import type { ServiceSettings } from './model/settings.ts'
import { type Command, type DirectiveInput, type Signal, type SystemCommand, systemCommandSchema } from './model/signals.ts'
import type { StateName } from './model/states.ts'
import { suggest } from './model/suggest.ts'
import { LiveRoute, type RouteHandle } from './routeHandle.ts'
import { type KeyableService, keyableService } from './service.ts'
import { type SystemStatus, systemStatus } from './systemStatus.ts'

type Named<Services> = keyof Services & string

export type RoutesInput = NonNullable<ConfigInput['routes']>

export interface Switchgear<
  Services extends Record<string, ServiceInput> = Record<string, ServiceInput>,
  Routes extends RoutesInput = Record<never, never>,
> extends AsyncDisposable {
  /** A handle for each service of the configuration. */
  readonly services: { readonly [Name in Named<Services>]: KeyableService }
  /**
   * Everything that happens on the board: outcomes, transitions, alerts, commands; completes when it is closed. Listening
   * costs; unsubscribe when done.
   */
  readonly events$: Observable<GearEvent>
  /** A handle for each route of the configuration. */
  readonly routes: { readonly [Name in Named<Routes>]: RouteHandle }
  /** What was spent, and how the rules stand. */
  readonly budgets: GearBudgets
  /**
   * A drop-in `fetch` whose requests pass the breaker of a service, or of whichever backend a route chooses: made once, and
   * given to a client (`new OpenAI({ fetch: gear.fetch('openai') })`). Throws for a name there is not.
   */
  fetch(name: Named<Services> | Named<Routes>, options?: FetchOptions): typeof fetch
  /**
   * A cache client behind the breaker of a service: a cache that is broken is an empty one. The client stays yours. Throws a
   * ConfigError for a client or options that cannot be used.
   */
  cache<V = string>(service: Named<Services>, client: RedisClient, options?: CacheOptions<V>): GuardedCache<V>
  cache<V>(service: Named<Services>, client: ValueClient<V>, options?: CacheOptions<V>): GuardedCache<V>
  /**
   * Asks a service at an interval how it is, by the knowledge of its kind, until it is stopped or the board is closed. Throws a
   * ConfigError for options that cannot be used.
   */
  monitor(service: Named<Services>, options: MonitorOptions): ServiceMonitor
  /** See {@link KeyableService.execute}. */
  execute<T, F extends Fallback | NoFallback = Fallback | NoFallback>(
    service: Named<Services>,
    run: Protected<T>,
    options?: ExecuteOptions<F>,
  ): Promise<T | FallbackResult<F>>
  /** See {@link KeyableService.admit}. */
  admit(service: Named<Services>): Permit
  /** See {@link KeyableService.peek}. */
  peek(service: Named<Services>): CallRejectedError | undefined
  state(service: Named<Services>): StateName
  signal(service: Named<Services>, signal: Signal): void
  direct(service: Named<Services>, directive: DirectiveInput): void
  command(service: Named<Services>, command: Command): void
  /**
   * Tells several services what an operator wants, all of them unless some are named: `tripAll`, `recoverAll` (not those in
   * maintenance), `beginMaintenance`, `endMaintenance`. Throws a ConfigError when it is no such command.
   */
  command(command: SystemCommand): void
  /** How the services are together, and what the orchestrator wants of them. */
  readonly system: SystemStatus
  /** This process in its fleet; undefined where it is in none. */
  readonly fleet: GearFleet | undefined
  /** Changes a service's policy while it runs; its state and counts stay. Throws a ConfigError when the change cannot be used. */
  reconfigure(service: Named<Services>, change: PolicyInput): void
  /** Resolves when everything journalled so far is in the operating system's hands. */
  flush(): Promise<void>
  /**
   * Switches the board off: what it leads of a fleet is handed over, within two seconds, timers stop, the journal is written out, and
   * closed unless it is one of your own; of such a one, the error of its `flush` comes out. Calls in flight may still end.
   */
  close(): Promise<void>
}

export class Gear<Services extends Record<string, ServiceInput>, Routes extends RoutesInput>
  implements Switchgear<Services, Routes>
{
  readonly services: { readonly [Name in Named<Services>]: KeyableService }
  readonly events$: Observable<GearEvent>
  readonly routes: { readonly [Name in Named<Routes>]: RouteHandle }
  readonly budgets: GearBudgets
  readonly #board: Board
  readonly #config: ResolvedConfig
  readonly #keeper: BudgetKeeper | undefined
  /** Monitors, caches and the log, which end with the board. */
  readonly #stoppable = new Set<{ stop(): void }>()
  /** Of the services by name; those of keys are not among them. */
  readonly #breakers = new Map<string, Breaker>()
  readonly #inputs = new Map<string, PolicyInput>()
  readonly #keyed = new Map<string, KeyedBreakers>()
  readonly #routes = new Map<string, LiveRoute>()
  #fleet: FleetNode | undefined
  #journal: Journal | undefined
  #journalIsOurs = false
  readonly #closed$ = new ReplaySubject<void>(1)
  #closing: Promise<void> | undefined

  constructor(board: Board, bus: Bus, config: ResolvedConfig, keeper: BudgetKeeper | undefined, saved: readonly SavedBreaker[]) {
    this.#board = board
    this.#config = config
    this.#keeper = keeper
    this.budgets = keeper ?? NO_BUDGETS
    const services: Record<string, KeyableService> = Object.create(null)
    const at = board.now()
    for (const [name, { kind, policy, input }] of Object.entries(config.services)) {
      const breaker = board.add(name, kind, policy, at)
      const keyed = new KeyedBreakers(board, breaker)
      this.#breakers.set(name, breaker)
      this.#inputs.set(name, input)
      this.#keyed.set(name, keyed)
      services[name] = keyableService(breaker, keyed)
    }
    this.services = services as typeof this.services
    const routes: Record<string, RouteHandle> = Object.create(null)
    for (const [name, route] of Object.entries(config.routes)) {
      const live = new LiveRoute(name, {
        route,
        random: board.random(`route ${name}`),
        backends: route.backends.map(({ service }) => this.#backend(service)),
      })
      this.#routes.set(name, live)
      routes[name] = live
    }
    this.routes = routes as typeof this.routes
    const events$ = new Observable<GearEvent>((subscriber) => bus.subscribe('*', (event) => subscriber.next(event)))
    this.events$ = events$.pipe(takeUntil(this.#closed$))
    this.#goOn(saved, at)
  }

  /** Opens the journal, which is closed with the board if it is `ours`. */
  async begin(journal: Journal | undefined, ours: boolean, restarts: boolean): Promise<void> {
    const board = this.#board
    if (!journal) {
      this.#keeper?.begin()
      return
    }
    const opened = journal.open((reason, dropped) => board.header(reason === 'start' && restarts ? 'restart' : reason, dropped))
    board.keep(journal)
    this.#journal = journal
    this.#journalIsOurs = ours
    const at = board.now()
    for (const breaker of board.breakers) breaker.forgetProbes(at)
    if (restarts) board.resume()
    this.#keeper?.begin()
    await opened
  }

  fetch(name: Named<Services> | Named<Routes>, options?: FetchOptions): typeof fetch {
    return guardedFetch(this.#target(name), options)
  }

  cache<V>(service: Named<Services>, client: SupportedClient<V>, options?: CacheOptions<V>): GuardedCache<V> {
    const [breaker, settings] = this.#live(service)
    return this.stopAtEnd(guardedCache(breaker, settings, client as ValueClient<V>, options))
  }

  monitor(service: Named<Services>, options: MonitorOptions): ServiceMonitor {
    return this.stopAtEnd(monitorService(this.#live(service)[0], options))
  }

  execute<T, F extends Fallback | NoFallback = Fallback | NoFallback>(
    service: Named<Services>,
    run: Protected<T>,
    options?: ExecuteOptions<F>,
  ): Promise<T | FallbackResult<F>> {
    const breaker = this.#breakers.get(service)
    return breaker ? execute(breaker, run, options) : Promise.reject(this.#unknown(service))
  }

  admit(service: Named<Services>): Permit {
    return this.#handle(service).admit()
  }

  peek(service: Named<Services>): CallRejectedError | undefined {
    return this.#handle(service).peek()
  }

  state(service: Named<Services>): StateName {
    return this.#handle(service).state
  }

  signal(service: Named<Services>, signal: Signal): void {
    this.#handle(service).signal(signal)
  }

  direct(service: Named<Services>, directive: DirectiveInput): void {
    this.#handle(service).direct(directive)
  }

  command(to: Named<Services> | SystemCommand, command?: Command): void {
    if (typeof to === 'string') {
      this.#handle(to).command(command as Command)
      return
    }
    const told = checked(systemCommandSchema, to, 'command')
    for (const service of told.services ?? []) this.#live(service as Named<Services>)
    if (this.#closing) throw new ClosedError(told.name)
    this.#board.command(this.#board.now(), told)
  }

  get fleet(): GearFleet | undefined {
    return this.#fleet
  }

  /** What is stopped with the board, once it has said its last. */
  stopAtEnd<T extends { stop(): void }>(one: T): T {
    this.#stoppable.add(one)
    return one
  }

  /** Becomes a node of a fleet, which it leaves when it is closed. */
  join(node: FleetNode): void {
    this.#fleet = node
  }

  get system(): SystemStatus {
    return systemStatus(this.#board)
  }

  reconfigure(service: Named<Services>, change: PolicyInput): void {
    const breaker = this.#breakers.get(service)
    const keyed = this.#keyed.get(service)
    const before = this.#inputs.get(service)
    if (!breaker || !keyed || !before) throw this.#unknown(service)
    if (breaker.disposed) throw new ClosedError(service)
    const { input, policy } = resolveServicePolicy(service, breaker.kind, before, change)
    this.#inputs.set(service, input)
    const at = this.#board.now()
    for (const one of [breaker, ...keyed]) one.reconfigure(at, policy)
  }

  async flush(): Promise<void> {
    await this.#journal?.flush()
  }

  close(): Promise<void> {
    this.#closing ??= this.#shutDown()
    return this.#closing
  }

  async #shutDown(): Promise<void> {
    if (this.#fleet) await this.#fleet.close()
    this.#keeper?.dispose()
    this.#board.stop()
    for (const one of this.#stoppable) one.stop()
    this.#closed$.next()
    await (this.#journalIsOurs ? this.#journal?.close() : this.#journal?.flush())
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** Puts the breakers where a journal says they stood, keyed ones included. */
  #goOn(saved: readonly SavedBreaker[], at: number): void {
    for (const one of saved) {
      const keyed = this.#keyed.get(parentOf(one.service))
      const parent = this.#board.get(parentOf(one.service))
      if (!keyed || !parent || parent.kind !== one.kind) continue
      const breaker: Breaker = this.#board.get(one.service) ?? this.#board.add(one.service, parent.kind, parent.policy, at)
      if (breaker !== parent) keyed.adopt(breaker)
      breaker.restore(one, at)
    }
  }

  #target(name: string): FetchTarget {
    const route = this.#routes.get(name)
    if (route) return route
    const backend = this.#backend(name)
    return { name, origin: backend.breaker, choose: () => backend }
  }

  #backend(service: string): FetchBackend {
    const [breaker, settings] = this.#live(service as Named<Services>)
    const models = breaker.profile.tellsModelsApart ? this.#keyed.get(service) : undefined
    return { breaker, settings, models, baseUrl: undefined }
  }

  #live(service: Named<Services>): readonly [Breaker, ServiceSettings] {
    const breaker = this.#breakers.get(service)
    const settings = this.#config.services[service]?.settings
    if (!breaker || !settings) throw this.#unknown(service)
    if (breaker.disposed) throw new ClosedError(service)
    return [breaker, settings]
  }

  #handle(service: Named<Services>): KeyableService {
    const handle = Object.hasOwn(this.services, service) ? this.services[service] : undefined
    if (!handle) throw this.#unknown(service)
    return handle
  }

  #unknown(service: string): UnknownServiceError {
    if (this.#routes.has(service)) {
      return new UnknownServiceError(service, `; it is a route: see gear.routes.${service} and gear.fetch`)
    }
    const names = [...Object.keys(this.services), ...this.#routes.keys()]
    const meant = suggest(String(service), names)
    return new UnknownServiceError(service, meant ? `; did you mean ${meant}?` : `; there are ${names.join(', ') || 'none'}`)
  }
}
