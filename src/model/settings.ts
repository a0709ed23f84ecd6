// What may be set for one service beside its breaker's policy: how its answers are read and judged, and who answers in its
// place. Nothing here steers the statechart directly, so none of it is needed for a replay.
import { z } from 'zod'
import { type Kind, kindDefaults } from './kinds.ts'

const ms = z.number().finite().positive().max(2_592_000_000).meta({ unit: 'ms' })
const share = z.number().min(0).max(1)
const dollars = z.number().finite().min(0).max(1_000_000)
const name = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/)

/** Dollars for a million tokens. */
export const priceSchema = z.strictObject({
  input: dollars,
  output: dollars.optional(),
  cachedInput: dollars.optional(),
})
export type Price = Readonly<z.infer<typeof priceSchema>>

export const settingsShape = {
  idleTimeout: ms.optional(),
  qualityFloor: share.or(z.literal(false)).optional(),
  hitRateFloor: share.or(z.literal(false)).optional(),
  memoryLimit: z.number().min(1).max(1e15).meta({ unit: 'bytes' }).optional(),
  requestsPerMinute: z.number().finite().positive().max(1e9).optional(),
  quota: z.number().int().min(1).max(1e12).optional(),
  prices: z
    .record(z.string(), priceSchema)
    .meta({ allowed: 'an object of prices by model: { input, output, cachedInput }, dollars for a million tokens' })
    .optional(),
  fallback: z.array(name).max(10).meta({ allowed: 'a list of at most 10 names' }).optional(),
} as const

const settingsSchema = z.strictObject(settingsShape)
export type SettingsInput = z.input<typeof settingsSchema>

/** A service's settings with every value settled. */
export interface ServiceSettings {
  /** A stream that is silent for longer has failed, ms. */
  readonly idleTimeout: number
  /** The mean quality of the last answers, 0–1, below which the service counts as degraded. */
  readonly qualityFloor: number | false
  /** The share of hits among a cache's lookups, 0–1, below which it counts as degraded. */
  readonly hitRateFloor: number | false
  /** Memory in bytes above which a service that tells of its memory counts as degraded. */
  readonly memoryLimit: number
  /** The rate the service's plan leaves us, where its answers do not say. */
  readonly requestsPerMinute: number | undefined
  /** Calls a month the service's plan leaves us. */
  readonly quota: number | undefined
  /** Laid over the price book. */
  readonly prices: Readonly<Record<string, Price>>
  /** Who answers in its place, in this order. */
  readonly fallback: readonly string[]
}

const GIB = 1024 ** 3

export function resolveSettings(kind: Kind, input: SettingsInput = {}): ServiceSettings {
  return {
    idleTimeout: input.idleTimeout ?? 60_000,
    qualityFloor: input.qualityFloor ?? kindDefaults(kind).qualityFloor,
    hitRateFloor: input.hitRateFloor ?? (kind === 'cache' ? 0.3 : false),
    memoryLimit: input.memoryLimit ?? (kind === 'lightrag' ? 8 * GIB : 4 * GIB),
    requestsPerMinute: input.requestsPerMinute,
    quota: input.quota,
    prices: input.prices ?? {},
    fallback: input.fallback ?? [],
  }
}

export const SETTINGS_KEYS: ReadonlySet<string> = new Set(Object.keys(settingsShape))
