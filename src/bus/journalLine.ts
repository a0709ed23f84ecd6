// One line of a journal: `{"crc":"xxxxxxxx",<the record's JSON>}`. The crc covers the rest of its line and goes on from the crc
// of the line before, so a line that was altered, lost, doubled or moved does not fit where it stands.
import type { AdmissionRecord, HeaderRecord, JournalRecord, OutcomeRecord, TimerRecord } from '../model/records.ts'
import { crc32 } from './crc32.ts'
import { epochNumeral, numeral, thousandthsNumeral } from './numerals.ts'

/** Of `{"crc":"xxxxxxxx",`, the comma included. */
export const PREFIX_LENGTH = 18
export const NEWLINE = 10
/** The longest line of a record, bytes. */
export const MAX_LINE = 1_048_576
/** The longest line of a header or of an encrypted batch, bytes: a header carries every breaker of the board. */
export const MAX_LONG_LINE = 268_435_456

const QUOTE = 34
const COMMA = 44
const BRACE = 123
const PREFIX = '{"crc":"00000000",'
const OPENING = Buffer.from('{"crc":"')
const HEADER = Buffer.from('"type":"header"')
const ENCRYPTED = Buffer.from('"enc":"')
/** The base64 of an encrypted batch's first 44 bytes, enough to see what it begins with (see BatchCipher.peek). */
const ENCRYPTED_HEAD = 60
/** How much of a line tells what it is, encrypted or not. */
export const HEAD_LENGTH = PREFIX_LENGTH + ENCRYPTED.length + ENCRYPTED_HEAD
const HEX = Buffer.from('0123456789abcdef')
const HEX_VALUES = new Int8Array(256).fill(-1)
for (let value = 0; value < 16; value++) HEX_VALUES[HEX[value] as number] = value

/** A record as a line, newline included, and the crc for the next one to go on from. */
export function encode(record: JournalRecord, previousCrc: number): { readonly line: string; readonly crc: number } {
  const { bytes, crc } = seal([recordBody(record)], previousCrc)
  return { line: bytes.toString(), crc }
}

/** The lines of `bodies` (see {@link recordBody}), each with its crc and newline. */
export function seal(bodies: readonly string[], previousCrc: number): { readonly bytes: Buffer; readonly crc: number } {
  let text = ''
  for (const body of bodies) text += `${PREFIX}${body}\n`
  const bytes = Buffer.from(text)
  let crc = previousCrc
  for (let start = 0; start < bytes.length; ) {
    const end = bytes.indexOf(NEWLINE, start)
    crc = crc32(bytes, start + PREFIX_LENGTH, end, crc)
    writeHex(bytes, start + OPENING.length, crc)
    start = end + 1
  }
  return { bytes, crc }
}

/** The crc written in the line at `start`; undefined when there is none, so that it is no line of a journal. */
export function writtenCrc(bytes: Buffer, start: number, end: number): number | undefined {
  if (end - start <= PREFIX_LENGTH || bytes[start + 16] !== QUOTE || bytes[start + 17] !== COMMA) return undefined
  for (let i = 0; i < 8; i++) if (bytes[start + i] !== OPENING[i]) return undefined
  let crc = 0
  for (let i = 0; i < 8; i++) {
    const value = HEX_VALUES[bytes[start + 8 + i] as number] as number
    if (value < 0) return undefined
    crc = (crc << 4) | value
  }
  return crc >>> 0
}

/** True when the line at `start` fits behind a line whose crc was `previousCrc`. */
export function fits(bytes: Buffer, start: number, end: number, previousCrc: number, written: number): boolean {
  return crc32(bytes, start + PREFIX_LENGTH, end, previousCrc) === written
}

/** The JSON object of a line without its crc. Throws a SyntaxError when it is not JSON. Writes into `bytes`. */
export function parseLine(bytes: Buffer, start: number, end: number): unknown {
  // The comma behind the crc becomes the brace that opens the object: no second copy of the text.
  const brace = start + PREFIX_LENGTH - 1
  bytes[brace] = BRACE
  const text = bytes.toString('utf8', brace, end)
  bytes[brace] = COMMA
  return JSON.parse(text)
}

/** True when the line at `start` is a header or an encrypted batch, which may be longer than other lines. */
export function mayBeLong(bytes: Buffer, start: number): boolean {
  return isHeaderLine(bytes, start) || startsWith(bytes, start + PREFIX_LENGTH, ENCRYPTED)
}

/** True when the line at `start`, of which some bytes must be there, is a plain header. */
export function isHeaderLine(bytes: Buffer, start: number): boolean {
  return startsWith(bytes, start + PREFIX_LENGTH, HEADER)
}

/** The beginning of the encrypted batch in the line at `start`; undefined when the line is a plain one. */
export function encryptedHead(bytes: Buffer, start: number): string | undefined {
  const at = start + PREFIX_LENGTH
  if (!startsWith(bytes, at, ENCRYPTED)) return undefined
  return bytes.toString('latin1', at + ENCRYPTED.length, at + ENCRYPTED.length + ENCRYPTED_HEAD)
}

/** The line of a batch of encrypted lines. */
export function encryptedBody(encoded: string): string {
  return `"enc":"${encoded}"}`
}

export function isEncrypted(value: unknown): value is { readonly enc: string } {
  return typeof value === 'object' && value !== null && 'enc' in value && typeof value.enc === 'string'
}

/** A record's JSON without its opening brace. The frequent kinds are put together by hand, for a third of the time. */
export function recordBody(record: JournalRecord): string {
  switch (record.type) {
    case 'outcome':
      return outcomeBody(record)
    case 'admission':
    case 'timer':
      return shortBody(record)
    case 'header':
      return headerBody(record)
    default:
      return JSON.stringify(record).slice(1)
  }
}

function outcomeBody(record: OutcomeRecord): string {
  const { failure, status, retryAfterMs, probe, state } = record
  let body = `"type":"outcome","at":${epochNumeral(record.at)},"service":${quoted(record.service)},"result":"${record.result}","latency":${thousandthsNumeral(record.latency)},"generation":${numeral(record.generation)}`
  if (failure !== undefined) body += `,"failure":${JSON.stringify(failure)}`
  if (status !== undefined) body += `,"status":${numeral(status)}`
  if (retryAfterMs !== undefined) body += `,"retryAfterMs":${numeral(retryAfterMs)}`
  if (probe !== undefined) body += `,"probe":${numeral(probe)}`
  if (state !== undefined) body += `,"state":"${state}"`
  if (record.budget !== undefined) body += `,"budget":${JSON.stringify(record.budget)}`
  if (record.level !== undefined) body += `,"level":${record.level}`
  return `${body}${measuredBody(record)}}`
}

/** What was measured; most outcomes carry none of it. */
function measuredBody({ model, operation, usage, cost, costEstimated, quality, calls, slow, unbudgeted }: OutcomeRecord): string {
  let body = ''
  if (model !== undefined) body += `,"model":${quoted(model)}`
  if (operation !== undefined) body += `,"operation":${quoted(operation)}`
  if (usage !== undefined) body += `,"usage":${JSON.stringify(usage)}`
  if (cost !== undefined) body += `,"cost":${JSON.stringify(cost)}`
  if (costEstimated) body += ',"costEstimated":true'
  if (quality !== undefined) body += `,"quality":${JSON.stringify(quality)}`
  if (calls !== undefined) body += `,"calls":${numeral(calls)}`
  if (slow !== undefined) body += `,"slow":${numeral(slow)}`
  if (unbudgeted) body += ',"unbudgeted":true'
  return body
}

function shortBody(record: AdmissionRecord | TimerRecord): string {
  if (record.type === 'admission' && record.exemption !== undefined) return JSON.stringify(record).slice(1)
  const body = `"type":"${record.type}","at":${epochNumeral(record.at)},"service":${quoted(record.service)}`
  if (record.type === 'timer') return `${body},"id":"${record.id}"}`
  const probe = record.probe === undefined ? '' : `,"probe":${numeral(record.probe)}`
  return `${body},"generation":${numeral(record.generation)}${probe}}`
}

/** The type comes first, whatever the order of the object: a reader looks for the last header by it. */
function headerBody({ type, ...rest }: HeaderRecord): string {
  return JSON.stringify({ type, ...rest }).slice(1)
}

/** Service names recur, so each is quoted once; a board with many keys starts over when the store is full. */
const quotedNames = new Map<string, string>()

function quoted(name: string): string {
  const known = quotedNames.get(name)
  if (known !== undefined) return known
  if (quotedNames.size >= 4096) quotedNames.clear()
  const text = JSON.stringify(name)
  quotedNames.set(name, text)
  return text
}

function startsWith(bytes: Buffer, at: number, wanted: Buffer): boolean {
  for (let i = 0; i < wanted.length; i++) if (bytes[at + i] !== wanted[i]) return false
  return true
}

function writeHex(bytes: Buffer, at: number, crc: number): void {
  for (let i = 0; i < 8; i++) bytes[at + i] = HEX[(crc >>> (28 - 4 * i)) & 15] as number
}
