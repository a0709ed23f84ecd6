// Where two values of plain JSON part: for a breaker's whole state, "it differs" would help nobody.
import { isDeepStrictEqual } from 'node:util'

/** The path of the first part that differs, such as `window.counts.streak.0`; empty when nothing, or the whole, does. */
export function differingPath(one: unknown, other: unknown): string {
  if (!isObject(one) || !isObject(other)) return ''
  for (const key of new Set([...Object.keys(one), ...Object.keys(other)])) {
    if (isDeepStrictEqual(one[key], other[key])) continue
    const within = differingPath(one[key], other[key])
    return within === '' ? key : `${key}.${within}`
  }
  return ''
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
