// What a service's memory calls for, by its limit. Used by the monitoring of every kind that is told how much is in use.
import type { Condition } from './serviceProfile.ts'

/** The share of the limit from which memory is short. */
const SHORT = 0.9

/** `used` and `limit` in bytes. Undefined where nobody says what is used, or says what cannot be. */
export function memoryCondition(used: number | undefined, limit: number): Condition | undefined {
  if (used === undefined || !Number.isFinite(used) || used < 0) return undefined
  const level = used >= limit ? 2 : used >= limit * SHORT ? 1 : 0
  return { name: 'memory', level, reason: `${inMebibytes(used)} of ${inMebibytes(limit)} MiB of memory are in use` }
}

function inMebibytes(bytes: number): string {
  return (bytes / 1024 ** 2).toFixed(bytes < 1024 ** 2 ? 2 : 0)
}
