// Turns records into the bytes of a journal file: serialised, encrypted if there is a key, and chained line by line.
import type { GearEvent, HeaderRecord } from '../model/records.ts'
import type { BatchCipher } from './batchCipher.ts'
import { encryptedBody, MAX_LINE, MAX_LONG_LINE, recordBody, seal } from './journalLine.ts'

/** Plain text of an encrypted line, characters, at which the next one begins. */
const PART = 262_144

export class JournalSealer {
  readonly #cipher: BatchCipher | undefined
  #crc = 0
  /** Services of which a record was left out since the last header: what they say next is not understood without it. */
  readonly #unclear = new Set<string>()

  constructor(cipher: BatchCipher | undefined) {
    this.#cipher = cipher
  }

  /** Goes on with a file whose last line has this crc; 0 for a new file. */
  goOnFrom(crc: number): void {
    this.#crc = crc
  }

  /** The line of a header (see {@link headerText}); an encrypted one has a line of its own, so that it can be found. */
  header(text: string): Buffer {
    this.#unclear.clear()
    return this.#seal([text])
  }

  /**
   * The lines of `records`, and how many they are. One that cannot be written (not JSON, too long) is left out, with what its
   * service says from there to the next header, so that what is written can be replayed; `error` is the last of those.
   */
  records(records: readonly GearEvent[]): { readonly bytes: Buffer; readonly count: number; readonly error: unknown } {
    const bodies: string[] = []
    let error: unknown
    for (const record of records) {
      if (this.#unclear.size > 0 && this.#unclear.has(record.service)) continue
      try {
        bodies.push(bounded(recordBody(record)))
      } catch (thrown) {
        error = thrown
        this.#unclear.add(record.service)
      }
    }
    return { bytes: this.#seal(bodies), count: bodies.length, error }
  }

  #seal(bodies: readonly string[]): Buffer {
    if (this.#cipher === undefined) return this.#chain(bodies)
    const lines: Buffer[] = []
    let text = ''
    for (const [i, body] of bodies.entries()) {
      text += text === '' ? `{${body}` : `\n{${body}`
      if (text.length < PART && i < bodies.length - 1) continue
      lines.push(this.#chain([encryptedBody(this.#cipher.encrypt(text, this.#crc))]))
      text = ''
    }
    return Buffer.concat(lines)
  }

  #chain(bodies: readonly string[]): Buffer {
    const { bytes, crc } = seal(bodies, this.#crc)
    this.#crc = crc
    return bytes
  }
}

function bounded(body: string): string {
  // Three bytes of UTF-8 for each UTF-16 unit at most.
  if (body.length * 3 > MAX_LINE && Buffer.byteLength(body) > MAX_LINE - 64) {
    throw new RangeError(`a record of ${body.length} characters is too long for a journal; allowed: ${MAX_LINE - 64} bytes`)
  }
  return body
}

/** A header's JSON for {@link JournalSealer.header}. Throws when it cannot be JSON, or is too long. */
export function headerText(record: HeaderRecord): string {
  const body = recordBody(record)
  if (body.length > MAX_LONG_LINE / 4) throw new RangeError(`a header of ${body.length} characters is too long for a journal`)
  return body
}
