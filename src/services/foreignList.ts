// Lists in values that come from anywhere: no longer than they are looked at, and empty where there is none.
import { readField } from './foreignValue.ts'

/** The first `most` entries of the array at `key`; none where it is something else or will not be read. */
export function readList(from: unknown, key: string, most: number): readonly unknown[] {
  const list = readField(from, key)
  try {
    return Array.isArray(list) ? Array.prototype.slice.call(list, 0, most) : []
  } catch {
    return []
  }
}

/** As {@link readList}, for the last `most`. */
export function readEnd(from: unknown, key: string, most: number): readonly unknown[] {
  const list = readField(from, key)
  try {
    return Array.isArray(list) ? Array.prototype.slice.call(list, -most) : []
  } catch {
    return []
  }
}
