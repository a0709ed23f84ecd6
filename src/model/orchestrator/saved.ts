// What a saved orchestrator must look like before it is trusted: it comes from a file.
import { z } from 'zod'
import { checked } from '../checked.ts'
import { findingSchema } from '../findings.ts'
import { directiveSchema } from '../signals.ts'
import { STATE_PATHS } from '../states.ts'
import { SYSTEM_STATES } from './config.ts'
import type { SavedOrchestrator } from './context.ts'

const number = z.number().finite()
const directives = z.record(z.string(), directiveSchema)

const savedSchema = z.object({
  services: z.record(
    z.string(),
    z.object({ path: z.enum(STATE_PATHS), since: number, failing: z.boolean(), idle: z.boolean().optional() }),
  ),
  system: z.object({ state: z.enum(SYSTEM_STATES), since: number }),
  epoch: z.number().int().nonnegative(),
  force: directives,
  told: directives,
  fleet: directives.optional(),
  latches: z.record(z.string(), z.object({ since: number, clearSince: number.optional() })),
  wanted: z.record(z.string(), z.array(z.string())),
  findings: z.array(findingSchema).max(10_000),
  roots: z.record(z.string(), z.object({ since: number, failures: z.record(z.string(), number) })),
  granted: z.record(z.string(), number),
  numbers: z.object({ calls: number, services: z.record(z.string(), z.object({ calls: number, failures: number })) }),
  verdicts: z.array(z.string()).max(1000),
  alerted: z.record(z.string(), number),
  falls: z.object({ second: number, count: number }).optional(),
}) satisfies z.ZodType<SavedOrchestrator>

/** Throws a ConfigError when it is not what a header keeps. */
export function parseSaved(saved: unknown): SavedOrchestrator {
  return checked(savedSchema, saved, 'orchestrator.saved')
}
