// Alerts as log lines: by a logger of the user's, or by pino as JSON on standard error. Used by the composition root.
import type { AlertLevel, AlertRecord } from '../model/records.ts'

/** What is asked of a logger; pino's and the console are such. */
export interface Logger {
  /** Of `fields`: `at` (epoch ms), `service` and `code`; `by`, `root`, `rule`, `limit` and `over` where the alert has them. */
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
  /** For what is critical; `error` where there is none. */
  fatal?(fields: object, message: string): void
}

const METHODS = { info: 'info', warning: 'warn', error: 'error', critical: 'fatal' } as const satisfies Record<AlertLevel, string>

export function isLogger(value: unknown): value is Logger {
  if (typeof value !== 'object' || value === null) return false
  return (['info', 'warn', 'error'] as const).every(
    (method) => method in value && typeof (value as Logger)[method] === 'function',
  )
}

export function logAlert(logger: Logger, { type: _, level, message, ...fields }: AlertRecord): void {
  const method = METHODS[level]
  if (method === 'fatal' && typeof logger.fatal !== 'function') logger.error(fields, message)
  else (logger as Required<Logger>)[method](fields, message)
}

/** One line of JSON an alert, written before the call returns: what is critical may be the last that a process says. */
export async function standardError(): Promise<Logger> {
  const { destination, pino } = await import('pino')
  const logger: Logger = pino({ name: 'switchgear' }, destination({ dest: 2, sync: true }))
  return logger
}
