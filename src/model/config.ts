// The whole configuration of a board: what a user may write, and its resolved form, in which every value is settled.
// `createSwitchgear` parses with it; the loader of files and environment checks shapes with it.
import { z } from 'zod'
import { type Budgets, type BudgetsInput, budgetConflicts, budgetsSchema, resolveBudgets } from './budgets/rules.ts'
import { type ConfigProblem, configError, problemAt, problemsOf, type SourceOf } from './configProblems.ts'
import { type BusConfig, type BusInput, busSchema } from './fleet/busConfig.ts'
import { WHOLE_SYSTEM } from './fleet/subjects.ts'
import { isKind, KINDS, type Kind } from './kinds.ts'
import { mergeLayers } from './mergeLayers.ts'
import {
  type OrchestratorConfig,
  type OrchestratorInput,
  orchestratorSchema,
  PLACE_KEYS,
  type PlaceInput,
  placeShape,
  resolveOrchestrator,
} from './orchestrator/config.ts'
import { orchestratorConflicts } from './orchestrator/conflicts.ts'
import {
  type BreakerPolicy,
  type DeepReadonly,
  type PolicyInput,
  policyConflicts,
  policySchema,
  resolvePolicy,
} from './policy.ts'
import { type Route, type RouteInput, resolveRoute, routeSchema } from './route.ts'
import { schemaNode } from './schemaNode.ts'
import { Secret } from './secret.ts'
import { resolveSettings, SETTINGS_KEYS, type ServiceSettings, type SettingsInput, settingsShape } from './settings.ts'

const file = z.string().min(1).max(4096).meta({ allowed: 'the name of a file' })

const journalSchema = z.strictObject({
  file,
  maxBytes: z.number().int().min(65_536).max(1_099_511_627_776).optional(),
  keep: z.number().int().min(1).max(10_000).optional(),
  key: z
    .string()
    .regex(/^(?:[0-9a-fA-F]{64}|[A-Za-z0-9+/]{43}=?)$/)
    .meta({ secret: true, allowed: '32 bytes, as 64 hexadecimal digits or in base64' })
    .optional(),
  fsync: z.boolean().optional(),
  flushMs: z.number().min(0).max(60_000).meta({ unit: 'ms' }).optional(),
})

const NAMES = '1 to 64 letters, digits, _ and - (a part of NATS subjects), and no name objects have anyway, such as "constructor"'
const serviceName = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,64}$/)
  .refine((name) => !(name in Object.prototype))

/** A registered kind is known only once it is; the words of an error name those that always are. */
const kind = z.string().refine(isKind).meta({ enum: KINDS }) as unknown as z.ZodType<Kind, Kind>

const serviceSchema = z.strictObject({ kind: kind.optional(), ...policySchema.shape, ...settingsShape, ...placeShape })

/** Everything that can be configured in JSON, YAML or the environment. */
export const configSchema = z.strictObject({
  services: z.record(serviceName, serviceSchema).meta({ allowed: 'an object of services by name', names: NAMES }),
  routes: z.record(serviceName, routeSchema).meta({ allowed: 'an object of routes by name', names: NAMES }).optional(),
  budgets: budgetsSchema.optional(),
  orchestrator: orchestratorSchema.optional(),
  journal: z.union([z.literal(false), file, journalSchema]).optional(),
  bus: busSchema.optional(),
  log: z.boolean().meta({ allowed: 'true or false; in code also a logger with the methods info, warn and error' }).optional(),
  seed: z.number().int().min(-2_147_483_648).max(2_147_483_647).optional(),
})

/** What may be set for one service: its kind (`custom` if absent) and its policy. */
export type ServiceInput = DeepReadonly<z.input<typeof serviceSchema>>

/** A configuration as users write it; generic so that the names of the services can be told by the compiler. */
export interface ConfigInput<Services extends Record<string, ServiceInput> = Record<string, ServiceInput>> {
  readonly services: Services
  /** One name for several of the services; calls to it go to whichever is best placed. */
  readonly routes?: Readonly<Record<string, DeepReadonly<RouteInput>>> | undefined
  /** What may be spent, in dollars. */
  readonly budgets?: DeepReadonly<BudgetsInput> | undefined
  /** How the services are coordinated: rules, recovery, alerts. */
  readonly orchestrator?: DeepReadonly<OrchestratorInput> | undefined
  /** A file name is short for `{ file }`; `false`, or nothing: no journal. */
  readonly journal?: false | string | JournalInput | undefined
  /** The fleet that this process is part of, over NATS; absent: it is on its own. */
  readonly bus?: DeepReadonly<BusInput> | undefined
  /** Alerts as lines of JSON on standard error; absent: none. */
  readonly log?: boolean | undefined
  /** Where all that is random starts from; a fresh one for each run if absent. */
  readonly seed?: number | undefined
}
export type JournalInput = Readonly<z.input<typeof journalSchema>>

/** Where and how the journal is written; what is absent is the file journal's own default. */
export interface JournalConfig {
  readonly file: string
  readonly maxBytes?: number
  readonly keep?: number
  readonly key?: Secret
  readonly fsync?: boolean
  readonly flushMs?: number
}

export interface ServiceConfig {
  readonly kind: Kind
  /** What the user gave, without the kind: `reconfigure` builds on it. */
  readonly input: PolicyInput
  readonly policy: BreakerPolicy
  readonly settings: ServiceSettings
}

export interface ResolvedConfig {
  /** Has no prototype: every key is a service. */
  readonly services: Readonly<Record<string, ServiceConfig>>
  /** Has no prototype: every key is a route. */
  readonly routes: Readonly<Record<string, Route>>
  readonly budgets: Budgets | undefined
  readonly orchestrator: OrchestratorConfig
  readonly journal: JournalConfig | undefined
  readonly bus: BusConfig | undefined
  readonly log: boolean
  readonly seed: number | undefined
}

/**
 * Checks a configuration and settles every value. Throws a ConfigError whose fields tell the first problem and whose
 * message tells all; `source` (a file's name, say) is put before each.
 */
export function parseConfig(input: unknown, source?: string | SourceOf): ResolvedConfig {
  checkShape(input, source)
  const config = configSchema.parse(input)
  const services: Record<string, ServiceConfig> = Object.create(null)
  const places: Record<string, { kind: Kind; place: PlaceInput }> = Object.create(null)
  const problems: ConfigProblem[] = []
  for (const [name, { kind = 'custom', ...rest }] of Object.entries(config.services)) {
    const [policyInput, settingsInput, place] = divided(rest)
    places[name] = { kind, place }
    const policy = resolvePolicy(kind, policyInput)
    problems.push(...conflictsOf(name, policyInput, policy))
    services[name] = { kind, input: policyInput, policy, settings: resolveSettings(kind, settingsInput) }
  }
  const routes: Record<string, Route> = Object.create(null)
  for (const [name, route] of Object.entries(config.routes ?? {})) {
    problems.push(...routeConflicts(name, route, config))
    routes[name] = resolveRoute(route)
  }
  const budgets = config.budgets ?? {}
  problems.push(
    ...[...budgetConflicts(budgets), ...unknownScopes(config)].map(({ path, allowed }) =>
      problemAt(schemaNode(configSchema), config, ['budgets', ...path], allowed),
    ),
    ...orchestratorConflicts(config).map(({ path, allowed, meant }) =>
      problemAt(schemaNode(configSchema), config, path, allowed, meant),
    ),
    ...namesOfTheBus(config),
  )
  refuse(problems, source)
  const { journal, bus, log = false, seed } = config
  return {
    services,
    routes,
    budgets: resolveBudgets(budgets),
    orchestrator: resolveOrchestrator(config.orchestrator ?? {}, places),
    journal: resolveJournal(journal),
    bus,
    log,
    seed,
  }
}

/** What a user wrote for one service, taken apart: the breaker's policy, its settings, and its place among the others. */
function divided(input: PolicyInput & SettingsInput & PlaceInput): [PolicyInput, SettingsInput, PlaceInput] {
  const entries = Object.entries(input)
  const part = (isPart: (key: string) => boolean): object => Object.fromEntries(entries.filter(([key]) => isPart(key)))
  const isElsewhere = (key: string): boolean => SETTINGS_KEYS.has(key) || PLACE_KEYS.has(key)
  return [part((key) => !isElsewhere(key)), part((key) => SETTINGS_KEYS.has(key)), part((key) => PLACE_KEYS.has(key))]
}

function routeConflicts(name: string, route: RouteInput, config: z.output<typeof configSchema>): ConfigProblem[] {
  const root = schemaNode(configSchema)
  const at = (path: PropertyKey[], allowed: string): ConfigProblem => problemAt(root, config, ['routes', name, ...path], allowed)
  const problems = Object.hasOwn(config.services, name) ? [at([], 'a name that no service has')] : []
  const names = Object.keys(config.services)
  for (const [index, { service }] of route.backends.entries()) {
    if (!names.includes(service)) problems.push(at(['backends', index, 'service'], `one of ${names.join(', ') || 'no services'}`))
    else if (route.backends.findIndex((other) => other.service === service) !== index) {
      problems.push(at(['backends', index, 'service'], 'a service that is not yet among the backends'))
    }
  }
  return problems
}

/** On the bus one name stands for the whole system. */
function namesOfTheBus(config: z.output<typeof configSchema>): ConfigProblem[] {
  if (config.bus === undefined) return []
  const taken = (['services', 'routes'] as const).filter((group) => Object.hasOwn(config[group] ?? {}, WHOLE_SYSTEM))
  const allowed = `another name with bus, where ${WHOLE_SYSTEM} is the whole system`
  return taken.map((group) => problemAt(schemaNode(configSchema), config, [group, WHOLE_SYSTEM], allowed))
}

function unknownScopes({ budgets, services }: z.output<typeof configSchema>): { path: (string | number)[]; allowed: string }[] {
  const names = Object.keys(services)
  return (budgets?.rules ?? []).flatMap(({ scope }, rule) =>
    (scope?.services ?? []).flatMap((service, index) =>
      names.includes(service)
        ? []
        : [{ path: ['rules', rule, 'scope', 'services', index], allowed: `one of ${names.join(', ')}` }],
    ),
  )
}

/** Checks keys, types and ranges, and leaves aside how values go together; throws as {@link parseConfig} does. */
export function checkShape(input: unknown, source?: string | SourceOf): asserts input is ConfigInput {
  refuse(problemsOf(configSchema, input), source)
}

/**
 * The policy of a running service after `change`, which is laid over what the user gave before: objects such as `trip` are
 * merged, all else is replaced. Throws a ConfigError as {@link parseConfig} does; the kind of a service cannot change.
 */
export function resolveServicePolicy(
  service: string,
  kind: Kind,
  current: PolicyInput,
  change: unknown,
): { readonly input: PolicyInput; readonly policy: BreakerPolicy } {
  const prefixed = (problem: ConfigProblem): ConfigProblem => {
    const path = ['services', service, problem.path].filter((part) => part !== '').join('.')
    return { ...problem, path, text: `services.${service}${problem.path === '' ? ': ' : '.'}${problem.text}` }
  }
  refuse(fixedSettings(change).map(prefixed))
  refuse(problemsOf(policySchema, change).map(prefixed))
  const merged = mergeLayers(current, change)
  refuse(problemsOf(policySchema, merged).map(prefixed))
  const input = policySchema.parse(merged)
  const policy = resolvePolicy(kind, input)
  refuse(conflictsOf(service, input, policy))
  return { input, policy }
}

function fixedSettings(change: unknown): ConfigProblem[] {
  const keys = typeof change === 'object' && change !== null ? Object.keys(change) : []
  const allowed = 'only before the board is made'
  return keys
    .filter((key) => SETTINGS_KEYS.has(key))
    .map((key) => ({ path: key, value: undefined, allowed, text: `${key}: a setting that cannot change; allowed: ${allowed}` }))
}

function conflictsOf(service: string, input: PolicyInput, policy: BreakerPolicy): ConfigProblem[] {
  const conflicts = policyConflicts(policy)
  if (conflicts.length === 0) return []
  const root = schemaNode(configSchema)
  return conflicts.map(({ key, allowed }) =>
    problemAt(root, { services: { [service]: input } }, ['services', service, key], allowed),
  )
}

function refuse(problems: readonly ConfigProblem[], source?: string | SourceOf): void {
  const [first, ...rest] = problems
  if (first !== undefined) throw configError([first, ...rest], source)
}

function resolveJournal(input: z.output<typeof configSchema>['journal']): JournalConfig | undefined {
  if (input === undefined || input === false) return undefined
  if (typeof input === 'string') return { file: input }
  const { file, maxBytes, keep, key, fsync, flushMs } = input
  return {
    file,
    ...(maxBytes !== undefined && { maxBytes }),
    ...(keep !== undefined && { keep }),
    ...(key !== undefined && { key: new Secret(key) }),
    ...(fsync !== undefined && { fsync }),
    ...(flushMs !== undefined && { flushMs }),
  }
}
