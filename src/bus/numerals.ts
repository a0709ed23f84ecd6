// Numbers as JSON text, for the two that every record has: a whole epoch time and a latency to the microsecond. JavaScript's own
// conversion of a double takes longer than all the rest of a record; these are put together from small whole numbers.

const THREE_DIGITS: readonly string[] = Array.from({ length: 1000 }, (_, value) => String(value).padStart(3, '0'))
/** `.123`, `.12`, `.1`, and nothing for 0. */
const FRACTIONS: readonly string[] = THREE_DIGITS.map((digits) => `.${digits}`.replace(/\.?0+$/, ''))

let lastThousands = 0
let lastThousandsText = '0'

/** Any number as JSON. Throws a TypeError for what is not finite: JSON has no word for it, and it could not be read back. */
export function numeral(value: number): string {
  if (!Number.isFinite(value)) throw new TypeError(`a record cannot hold the number ${value}`)
  return `${value}`
}

/** {@link numeral}, quick for whole numbers from 1000 whose thousands were asked for just before. */
export function epochNumeral(value: number): string {
  if (!(Number.isSafeInteger(value) && value >= 1000)) return numeral(value)
  const thousands = Math.floor(value / 1000)
  if (thousands !== lastThousands) {
    lastThousands = thousands
    lastThousandsText = `${thousands}`
  }
  return lastThousandsText + THREE_DIGITS[value - thousands * 1000]
}

/** {@link numeral}, quick for at most three decimals. */
export function thousandthsNumeral(value: number): string {
  const thousandths = Math.round(value * 1000)
  // Division is rounded correctly, as reading a decimal is: when this holds, the text below reads back as this very number.
  if (!(thousandths >= 0 && thousandths < 2_000_000_000 && thousandths / 1000 === value)) return numeral(value)
  const whole = Math.floor(thousandths / 1000)
  return `${whole}${FRACTIONS[thousandths - whole * 1000]}`
}
