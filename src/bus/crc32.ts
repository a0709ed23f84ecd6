// The CRC-32 of zlib (polynomial 0xEDB88320), chainable, over a part of a buffer. Journal lines are about a hundred bytes, and
// at that size a call into zlib costs more than the arithmetic: eight table look-ups for eight bytes take half its time.
import { crc32 as zlibCrc32 } from 'node:zlib'

/** Where a call into zlib starts to pay. */
const LONG = 1024

/** The checksum of `bytes[start, end)`, going on from `previous` (0: from nothing). Unsigned 32 bits. */
export function crc32(bytes: Buffer, start: number, end: number, previous: number): number {
  if (end - start > LONG) return zlibCrc32(bytes.subarray(start, end), previous)
  let crc = ~previous
  let at = start
  for (; end - at >= 8; at += 8) {
    const low = crc ^ (byte(bytes, at) | (byte(bytes, at + 1) << 8) | (byte(bytes, at + 2) << 16) | (byte(bytes, at + 3) << 24))
    crc =
      entry(T7, low & 255) ^
      entry(T6, (low >>> 8) & 255) ^
      entry(T5, (low >>> 16) & 255) ^
      entry(T4, low >>> 24) ^
      entry(T3, byte(bytes, at + 4)) ^
      entry(T2, byte(bytes, at + 5)) ^
      entry(T1, byte(bytes, at + 6)) ^
      entry(T0, byte(bytes, at + 7))
  }
  for (; at < end; at++) crc = entry(T0, (crc ^ byte(bytes, at)) & 255) ^ (crc >>> 8)
  return ~crc >>> 0
}

// The casts stand for bounds that the loops above keep; a check for undefined here would double the cost.
function byte(bytes: Buffer, at: number): number {
  return bytes[at] as number
}

function entry(table: Int32Array, index: number): number {
  return table[index] as number
}

function bytewiseTable(): Int32Array {
  return Int32Array.from({ length: 256 }, (_, value) => {
    let crc = value
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? 0xedb88320 ^ (crc >>> 1) : crc >>> 1
    return crc
  })
}

/** What a byte comes to that is followed by one zero byte more than in `table`. */
function shifted(table: Int32Array): Int32Array {
  return table.map((crc) => entry(T0, crc & 255) ^ (crc >>> 8))
}

const T0 = bytewiseTable()
const T1 = shifted(T0)
const T2 = shifted(T1)
const T3 = shifted(T2)
const T4 = shifted(T3)
const T5 = shifted(T4)
const T6 = shifted(T5)
const T7 = shifted(T6)
