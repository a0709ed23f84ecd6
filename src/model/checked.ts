// Checks what a user hands in at run time (signals, commands, directives) and names the place that is wrong.
import type { z } from 'zod'
import { ConfigError } from './errors.ts'

/** `value` as `schema` has it; throws a ConfigError with the path below `name`, the value and what is allowed there. */
export function checked<S extends z.ZodType>(schema: S, value: unknown, name: string): z.output<S> {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const issue = result.error.issues[0]
  const path = [name, ...(issue?.path ?? [])].join('.')
  let found: unknown = value
  for (const key of issue?.path ?? []) found = (found as Record<PropertyKey, unknown> | undefined)?.[key]
  throw new ConfigError(path, found, issue?.message ?? 'something else')
}
