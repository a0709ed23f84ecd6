// The part of HTTP's structured fields (RFC 9651) that rate-limit headers use: a list of items with parameters. Lenient in
// spacing, as servers are; a member that cannot be read is left out and the rest still counts.

export interface FieldItem {
  /** A string without its quotes, or a token or number as written. */
  readonly value: string
  /** By lower-case name; a parameter without a value reads as `?1`, true. */
  readonly parameters: ReadonlyMap<string, string>
}

const MOST_ITEMS = 32

/** `"burst";q=100;w=60, "daily";q=1000` → two items. */
export function parseFieldList(text: string): FieldItem[] {
  const items: FieldItem[] = []
  for (const member of splitOutsideQuotes(text, ',').slice(0, MOST_ITEMS)) {
    const [head, ...rest] = splitOutsideQuotes(member, ';')
    const value = unquoted(head!)
    if (value === undefined) continue
    items.push({ value, parameters: parametersOf(rest.slice(0, MOST_ITEMS)) })
  }
  return items
}

function parametersOf(parts: readonly string[]): Map<string, string> {
  const parameters = new Map<string, string>()
  for (const part of parts) {
    const equals = part.indexOf('=')
    const name = (equals < 0 ? part : part.slice(0, equals)).trim().toLowerCase()
    const value = equals < 0 ? '?1' : unquoted(part.slice(equals + 1))
    if (name !== '' && value !== undefined) parameters.set(name, value)
  }
  return parameters
}

function splitOutsideQuotes(text: string, separator: string): string[] {
  const parts: string[] = []
  let start = 0
  let quoted = false
  for (let i = 0; i < text.length; i++) {
    const char = text[i]
    if (quoted && char === '\\') i++
    else if (char === '"') quoted = !quoted
    else if (char === separator && !quoted) {
      parts.push(text.slice(start, i))
      start = i + 1
    }
  }
  parts.push(text.slice(start))
  return parts
}

/** Undefined for nothing at all and for a string that does not end. */
function unquoted(text: string): string | undefined {
  const trimmed = text.trim()
  if (!trimmed.startsWith('"')) return trimmed === '' ? undefined : trimmed
  return /^"(?:[^"\\]|\\["\\])*"$/.test(trimmed) ? trimmed.slice(1, -1).replace(/\\(["\\])/g, '$1') : undefined
}
