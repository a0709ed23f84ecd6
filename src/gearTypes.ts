// The types of what a board's methods take and give, for the public face.
export type { BudgetStatus } from './actors/budgetStatus.ts'
export type { PlainStep, ServiceStep } from './actors/fallback.ts'
export type { GearBudgets } from './actors/gearBudgets.ts'
export type { Routed, RouteOptions } from './actors/router.ts'
export type {
  CacheClient,
  IoredisClient,
  NodeRedisClient,
  RedisClient,
  SupportedClient,
  ValueClient,
} from './adapters/cacheClients.ts'
export type { CacheKeyOptions, CacheOptions, CacheSetOptions } from './adapters/cacheOptions.ts'
export type { CacheStats } from './adapters/cacheStats.ts'
export type { FetchAnswer, FetchedRequest, FetchFallback, FetchStep } from './adapters/fetchFallback.ts'
export type { FetchOptions } from './adapters/fetchTarget.ts'
export type { GuardedCache } from './adapters/guardedCache.ts'
export type { MonitorOptions, MonitorRound, ServiceMonitor } from './adapters/serviceMonitor.ts'
export type { Backend, Strategy } from './model/route.ts'
export type { RouteHandle } from './routeHandle.ts'
