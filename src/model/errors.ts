// Every error a user of Switchgear can meet. Rejections cost microseconds on a path that is busiest when things are worst, so
// they are built without a stack trace unless captureRejectionStacks asks for one.
import { describeValue } from './describeValue.ts'
import type { StateName } from './states.ts'

export interface RejectionDetails {
  readonly service: string
  readonly state: StateName
  /** Why the breaker stands where it stands, in words. */
  readonly reason: string
  /** How long to wait before asking again, in ms; undefined when nobody knows (an operator's hold, say). */
  readonly retryAfterMs: number | undefined
}

let stacks = false

/** Rejection errors carry stack traces when `on` is true; off by default, as a trace costs more than the rejection. */
export function captureRejectionStacks(on: boolean): void {
  stacks = on
}

/** A call that was not let through. `code` is stable; `retryAfterMs` tells when to come back. */
export abstract class CallRejectedError extends Error {
  abstract readonly code: string
  readonly service: string
  readonly state: StateName
  readonly reason: string
  readonly retryAfterMs: number | undefined

  constructor(message: string, details: RejectionDetails) {
    const limit = Error.stackTraceLimit
    if (!stacks) Error.stackTraceLimit = 0
    super(message)
    if (!stacks) Error.stackTraceLimit = limit
    this.service = details.service
    this.state = details.state
    this.reason = details.reason
    this.retryAfterMs = details.retryAfterMs
  }

  override get name(): string {
    return this.constructor.name
  }
}

/** The breaker is open: the service is failing and is being left alone. */
export class BreakerOpenError extends CallRejectedError {
  readonly code = 'ERR_SWITCHGEAR_OPEN'
}

/** The service's own rate limit or quota leaves no room now. */
export class RateLimitedError extends CallRejectedError {
  readonly code = 'ERR_SWITCHGEAR_RATE_LIMITED'
}

/** A budget rule throttles or blocks this service. */
export class BudgetExceededError extends CallRejectedError {
  readonly code = 'ERR_SWITCHGEAR_BUDGET_EXCEEDED'
}

/** An operator has taken the service out for maintenance. */
export class MaintenanceError extends CallRejectedError {
  readonly code = 'ERR_SWITCHGEAR_MAINTENANCE'
}

/** The degradation level in force answers from fallbacks only. */
export class DegradedToFallbackError extends CallRejectedError {
  readonly code = 'ERR_SWITCHGEAR_DEGRADED_TO_FALLBACK'
}

/** Half-open, and every probe's place is taken. */
export class ProbeLimitError extends CallRejectedError {
  readonly code = 'ERR_SWITCHGEAR_PROBE_LIMIT'
}

/** A share of the calls is admitted (ramp after recovery, or a directive), and this one was not in it. */
export class LoadShedError extends CallRejectedError {
  readonly code = 'ERR_SWITCHGEAR_LOAD_SHED'
}

/** The call was let through and did not answer within its timeout. */
export class CallTimeoutError extends Error {
  readonly code = 'ERR_SWITCHGEAR_TIMEOUT'
  override readonly name = 'CallTimeoutError'

  constructor(
    readonly service: string,
    /** The timeout that ran out, in ms. */
    readonly timeoutMs: number,
  ) {
    super(`${service} did not answer within ${timeoutMs} ms`)
  }
}

/** A service that is not on the board; `message` suggests the one that was probably meant. */
export class UnknownServiceError extends Error {
  readonly code = 'ERR_SWITCHGEAR_UNKNOWN_SERVICE'
  override readonly name = 'UnknownServiceError'

  constructor(
    readonly service: string,
    hint: string,
  ) {
    super(`there is no service ${JSON.stringify(service)} on this board${hint}`)
  }
}

/** The board was closed; nothing runs through it any more. */
export class ClosedError extends Error {
  readonly code = 'ERR_SWITCHGEAR_CLOSED'
  override readonly name = 'ClosedError'

  constructor(readonly service: string) {
    super(`the board of ${service} is closed`)
  }
}

/** What was to be told to the fleet did not reach it, or nobody knows whether it did; the message says why. */
export class FleetError extends Error {
  readonly code = 'ERR_SWITCHGEAR_FLEET'
  override readonly name = 'FleetError'

  constructor(readonly problem: string) {
    super(`the fleet was not told: ${problem}`)
  }
}

/** A configuration that cannot be used: where it is wrong and what is allowed there. */
export class ConfigError extends Error {
  readonly code = 'ERR_SWITCHGEAR_CONFIG'
  override readonly name = 'ConfigError'

  constructor(
    /** Dotted path into the configuration, such as `services.search.trip.failureRate.threshold`. */
    readonly path: string,
    /** The offending value; undefined for secrets, objects (they may hold some), unknown keys, and what is missing. */
    readonly value: unknown,
    /** What is allowed there, in words. */
    readonly allowed: string,
    message = `${path}: got ${describeValue(value)}; allowed: ${allowed}`,
  ) {
    super(message)
  }
}

/** A journal that cannot be read: the file, the 1-based line, and what is wrong with it. */
export class JournalError extends Error {
  readonly code = 'ERR_SWITCHGEAR_JOURNAL'
  override readonly name = 'JournalError'

  constructor(
    readonly file: string,
    readonly line: number,
    readonly problem: string,
  ) {
    super(`${file}:${line}: ${problem}`)
  }
}
