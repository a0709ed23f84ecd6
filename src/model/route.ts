// Routes: one name for several backends, each a service with a breaker of its own, and how to choose among them.
import { z } from 'zod'

export const STRATEGIES = ['round-robin', 'weighted', 'least-in-flight', 'peak-ewma', 'cheapest'] as const
export type Strategy = (typeof STRATEGIES)[number]

const serviceName = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,64}$/)
  .meta({ allowed: 'the name of a service' })

const backendSchema = z.strictObject({
  service: serviceName,
  weight: z.number().finite().min(0).max(1_000_000).optional(),
  cost: z.number().finite().min(0).max(1_000_000).optional(),
  baseUrl: z
    .url({ protocol: /^https?$/ })
    .meta({ allowed: 'an http or https address' })
    .optional(),
})

export const routeSchema = z.strictObject({
  strategy: z.enum(STRATEGIES).optional(),
  backends: z.array(backendSchema).min(1).max(64).meta({ allowed: 'a list of 1 to 64 backends' }),
})
export type RouteInput = z.input<typeof routeSchema>

export interface Backend {
  readonly service: string
  /** Its share of the calls beside the others' weights; 0: it stands by, and is called while none of the others admits a call. */
  readonly weight: number
  /** What a call costs there, in any unit common to the route; for `cheapest`. */
  readonly cost: number
  /** Where it is; requests by `gear.fetch` are sent there in place of the address they name. */
  readonly baseUrl: string | undefined
}

export interface Route {
  readonly strategy: Strategy
  readonly backends: readonly Backend[]
}

export function resolveRoute({ strategy = 'round-robin', backends }: RouteInput): Route {
  return {
    strategy,
    backends: backends.map(({ service, weight = 1, cost = 1, baseUrl }) => ({ service, weight, cost, baseUrl })),
  }
}
