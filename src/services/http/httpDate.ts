// Dates as HTTP writes them: the one form servers must send today and the two obsolete ones a client must still read
// (RFC 9110 §5.6.7). `Date.parse` is no help: it takes the asctime form for local time, and almost any text for a date.

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']

/** `Sun, 06 Nov 1994 08:49:37 GMT` */
const PRESENT = /^[a-z]{3}, (\d{2}) ([a-z]{3}) (\d{4}) (\d{2}):(\d{2}):(\d{2}) (?:gmt|utc)$/i
/** `Sunday, 06-Nov-94 08:49:37 GMT` */
const RFC_850 = /^[a-z]{6,9}, (\d{2})-([a-z]{3})-(\d{2}) (\d{2}):(\d{2}):(\d{2}) (?:gmt|utc)$/i
/** `Sun Nov  6 08:49:37 1994` */
const ASCTIME = /^[a-z]{3} ([a-z]{3}) ([ \d]\d) (\d{2}):(\d{2}):(\d{2}) (\d{4})$/i

const FIFTY_YEARS = 50

/** Epoch ms of an HTTP date, or undefined. `at`, epoch ms, settles the century of a two-digit year. */
export function parseHttpDate(text: string, at: number): number | undefined {
  if (text.length > 40) return undefined
  const present = PRESENT.exec(text)
  if (present) {
    const [, day, month, year, hour, minute, second] = present
    return instant(Number(year), month, day, hour, minute, second)
  }
  const rfc850 = RFC_850.exec(text)
  if (rfc850) {
    const [, day, month, year, hour, minute, second] = rfc850
    return instant(century(Number(year), at), month, day, hour, minute, second)
  }
  const asctime = ASCTIME.exec(text)
  if (asctime) {
    const [, month, day, hour, minute, second, year] = asctime
    return instant(Number(year), month, day, hour, minute, second)
  }
  return undefined
}

/** A year that would lie more than fifty years ahead is one of the past century. */
function century(twoDigits: number, at: number): number {
  const thisYear = new Date(at).getUTCFullYear()
  const year = thisYear - (thisYear % 100) + twoDigits
  return year - thisYear > FIFTY_YEARS ? year - 100 : year
}

function instant(
  year: number,
  monthName: string | undefined,
  day: string | undefined,
  hour: string | undefined,
  minute: string | undefined,
  second: string | undefined,
): number | undefined {
  const month = MONTHS.indexOf((monthName ?? '').toLowerCase())
  const [d, h, m, s] = [Number(day), Number(hour), Number(minute), Number(second)]
  // A leap second is legal and reads as the second after it.
  if (month < 0 || d < 1 || d > 31 || h > 23 || m > 59 || s > 60) return undefined
  const epochMs = Date.UTC(year, month, d, h, m, s)
  return Number.isFinite(epochMs) ? epochMs : undefined
}
