// What ought to be found in an incident, and what may be: worked out from what the faults really did to the traffic.
import type { FailureType } from '../../src/model/failures.ts'
import type { Finding, FindingPattern } from '../../src/model/findings.ts'
import type { Fault, Recording } from './traffic.ts'

/** A fault shows if it has made so many calls fail, in its first two minutes. */
export const SHOWING_FAILURES = 8
const SHOWING_MS = 120_000
/** What shows is to be found within this, ms. */
export const IN_TIME_MS = 60_000
/** For how long what was true of a fault may still be said when it is over, ms: findings look back five minutes. */
export const AFTERMATH_MS = 300_000

export interface Label {
  readonly pattern: FindingPattern
  /** Services it must have: those in which the fault shows. */
  readonly services: readonly string[]
  /** Services it may have: those that were struck, but too few calls of theirs failed. */
  readonly optional: readonly string[]
  readonly root?: string
  readonly direction?: { readonly from: string; readonly to: string }
  readonly periodMs?: number
  readonly lagMs?: number
  readonly failureType?: FailureType
  /** Not before the first, and by the second; ms from the beginning. */
  readonly from: number
  readonly due: number
}

/** A finding that would be true and is not demanded: the pattern, and the services that it may have, any of them. */
export interface Permission {
  readonly pattern: FindingPattern
  readonly services: readonly string[]
  readonly root?: string
  /** True from one to the other, ms from the beginning; without an end, what has repeated stays true. */
  readonly from: number
  readonly to?: number
}

/** When a fault has made enough calls fail to show, ms from the beginning; undefined if it never did. */
export function showsAt(
  recordings: readonly Recording[],
  faults: readonly Fault[],
  index: number,
  failures = SHOWING_FAILURES,
): number | undefined {
  const fault = faults[index]!
  const owed = recordings.find(({ service }) => service === fault.service)!.failures.filter((failed) => failed.fault === index)
  const last = owed[failures - 1]
  return last && last.at <= fault.from + SHOWING_MS ? last.at : undefined
}

/** Of the services found and demanded, without those that are optional, two in three must be in both. */
export const LEAST_OVERLAP = 2 / 3

/** Whether a finding is the one that a label demands. Says nothing of whether it came in time. */
export function isFound(finding: Finding, label: Label): boolean {
  if (finding.pattern !== label.pattern || finding.root !== label.root) return false
  const found = finding.services.filter((service) => !label.optional.includes(service))
  const both = found.filter((service) => label.services.includes(service)).length
  if (both / (found.length + label.services.length - both) < LEAST_OVERLAP - 1e-9) return false
  if (label.periodMs !== undefined && Math.abs((finding.periodMs ?? 0) - label.periodMs) > 0.1 * label.periodMs) return false
  if (label.failureType !== undefined && finding.failureType !== label.failureType) return false
  if (label.lagMs !== undefined && Math.abs((finding.lagMs ?? 0) - label.lagMs) > Math.max(1500, 0.25 * label.lagMs)) return false
  return (
    label.direction === undefined ||
    (finding.direction?.from === label.direction.from && finding.direction.to === label.direction.to)
  )
}

export function isPermitted(finding: Finding, permission: Permission, at: number): boolean {
  return (
    at >= permission.from &&
    at <= (permission.to ?? at) &&
    finding.pattern === permission.pattern &&
    (permission.root === undefined || finding.root === permission.root) &&
    finding.services.every((service) => permission.services.includes(service))
  )
}
