// Packs the lines of a journal into messages: so many records in each, and none longer than the server takes. A line that is
// too long for one message, as a header may be, goes on in the next.
import type { GearEvent, HeaderRecord } from '../../model/records.ts'
import { NEWLINE, writtenCrc } from '../journalLine.ts'
import { headerText, JournalSealer } from '../journalSealer.ts'
import { HEADER_AT, HEADER_CRC } from './journalStream.ts'

export interface JournalMessage {
  readonly bytes: Buffer
  /** Records that end in it. */
  readonly records: number
  /** Of the first message of a header: what it is marked with. */
  readonly header?: Readonly<Record<string, string>>
}

/** The longest message, bytes. */
const LONGEST = 262_144

export class JournalPacker {
  /** In a message at most. */
  static readonly RECORDS = 100
  readonly #sealer = new JournalSealer(undefined)
  /** Of the last line. */
  #crc = 0

  /** Throws when the header cannot be JSON, or is too long. */
  header(record: HeaderRecord, maxBody = LONGEST): JournalMessage[] {
    const marks = { [HEADER_AT]: String(Math.round(record.startedAt)), [HEADER_CRC]: String(this.#crc) }
    const bytes = this.#sealed(this.#sealer.header(headerText(record)))
    return cut({ bytes, records: 0, header: marks }, maxBody)
  }

  /** `lost`: records that cannot be written; `error`: why the last of them cannot. */
  records(records: readonly GearEvent[], maxBody = LONGEST): { messages: JournalMessage[]; lost: number; error: unknown } {
    const messages: JournalMessage[] = []
    let lost = 0
    let problem: unknown
    for (let start = 0; start < records.length; start += JournalPacker.RECORDS) {
      const some = records.slice(start, start + JournalPacker.RECORDS)
      const { bytes, count, error } = this.#sealer.records(some)
      problem = error ?? problem
      lost += some.length - count
      if (count > 0) messages.push(...cut({ bytes: this.#sealed(bytes), records: count }, maxBody))
    }
    return { messages, lost, error: problem }
  }

  #sealed(bytes: Buffer): Buffer {
    const start = bytes.lastIndexOf(NEWLINE, bytes.length - 2) + 1
    this.#crc = writtenCrc(bytes, start, bytes.length - 1) ?? 0
    return bytes
  }
}

/** The message in pieces that a server takes which takes `maxBody` bytes. */
export function cut({ bytes, records, header }: JournalMessage, maxBody: number): JournalMessage[] {
  const longest = Math.min(LONGEST, maxBody)
  const messages: JournalMessage[] = []
  for (let start = 0; start < bytes.length; start += longest) {
    const end = Math.min(start + longest, bytes.length)
    messages.push({
      bytes: bytes.subarray(start, end),
      records: end === bytes.length ? records : 0,
      ...(header === undefined || start > 0 ? undefined : { header }),
    })
  }
  return messages
}
