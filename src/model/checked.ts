// Checks what a user hands in at run time (signals, commands, directives) and names the place that is wrong.
import type { z } from 'zod'
import { configError, problemsOf } from './configProblems.ts'

/** `value` as `schema` has it; throws a ConfigError with the path below `name`, the value and what is allowed there. */
export function checked<S extends z.ZodType>(schema: S, value: unknown, name: string): z.output<S> {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const [first, ...rest] = problemsOf(schema, value).map((problem) => ({
    ...problem,
    path: problem.path === '' ? name : `${name}.${problem.path}`,
    text: problem.path === '' ? `${name}: ${problem.text.replace(/^the configuration: /, '')}` : `${name}.${problem.text}`,
  }))
  throw first ? configError([first, ...rest]) : result.error
}
