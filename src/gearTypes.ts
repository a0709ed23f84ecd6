// The types of what a board's methods take and give, for the public face.
export type { BudgetStatus } from './actors/budgets/budgetStatus.ts'
export type { GearBudgets } from './actors/budgets/gearBudgets.ts'
export type { PlainStep, ServiceStep } from './actors/fallback/fallback.ts'
export type { GearFleet } from './actors/fleet/fleetNode.ts'
export type { Routed, RouteOptions } from './actors/routing/router.ts'
export type {
  CacheClient,
  IoredisClient,
  NodeRedisClient,
  RedisClient,
  SupportedClient,
  ValueClient,
} from './adapters/cache/cacheClients.ts'
export type { CacheKeyOptions, CacheOptions, CacheSetOptions } from './adapters/cache/cacheOptions.ts'
export type { CacheStats } from './adapters/cache/cacheStats.ts'
export type { GuardedCache } from './adapters/cache/guardedCache.ts'
export type { FetchAnswer, FetchedRequest, FetchFallback, FetchStep } from './adapters/fetch/fetchFallback.ts'
export type { FetchOptions } from './adapters/fetch/fetchTarget.ts'
export type { MonitorOptions, MonitorRound, ServiceMonitor } from './adapters/monitor/serviceMonitor.ts'
export type { FleetLink, FleetTable, Lease, LeaseAnswer, LinkCounters, LinkStatus, TableEntry } from './bus/fleetLink.ts'
export type { Finding, FindingEvidence, FindingPattern } from './model/findings.ts'
export type { BusInput } from './model/fleet/busConfig.ts'
export type { DirectiveEntry, FleetTrip, LedgerEntry, NodeEntry, NodeService } from './model/fleet/entries.ts'
export type { OutcomeMessage, WireMessage, WireType } from './model/fleet/wire.ts'
export type {
  OrchestratorConfig,
  OrchestratorInput,
  RuleAction,
  RuleCondition,
  SystemState,
} from './model/orchestrator/config.ts'
export type { RootCause } from './model/orchestrator/context.ts'
export type { Backend, Strategy } from './model/route.ts'
export type { SystemCommand } from './model/signals.ts'
export type { OrchestratorRule, ServiceView, SystemView } from './orchestratorRules.ts'
export type { RouteHandle } from './routeHandle.ts'
export type { SystemStatus } from './systemStatus.ts'
