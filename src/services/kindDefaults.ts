// What the defaults of a kind of a user's own may be: values that the policies of its services can start from. Used when one is
// registered.
import { z } from 'zod'
import { checked } from '../model/checked.ts'
import type { KindDefaults } from '../model/kinds.ts'

const seconds = z.number().positive().max(2_592_000).meta({ unit: 's' })

const schema = z.strictObject({
  failuresToTrip: z.number().int().min(1).max(1_000_000).optional(),
  recoverySeconds: seconds.optional(),
  windowSeconds: z.number().int().min(1).max(3600).meta({ unit: 's' }).optional(),
  slowCallSeconds: seconds.optional(),
  steadyLatency: z.boolean().optional(),
  fallbackOnlyFrom: z.literal([1, 2, 3]).optional(),
  qualityFloor: z.number().min(0).max(1).or(z.literal(false)).optional(),
})

/** Those that are given; one that is undefined must not hide that of the kind they are laid over. */
export function checkedDefaults(defaults: Partial<KindDefaults>): Partial<KindDefaults> {
  const given = Object.entries(checked(schema, defaults, 'defaults')).filter(([, value]) => value !== undefined)
  return Object.fromEntries(given)
}
