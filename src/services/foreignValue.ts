// Reading values that come from anywhere: thrown errors, responses of any client, proxies. A getter that throws, a revoked
// proxy or a header object with odd ideas reads as "nothing there"; it must not cost a caller the result of a call.

/** The value of `key`, or undefined where `from` has none or will not say. */
export function readField(from: unknown, key: string): unknown {
  if (!isObject(from)) return undefined
  try {
    return from[key]
  } catch {
    return undefined
  }
}

/** As {@link readField}, for a string of at most `longest` characters; longer ones are not what is looked for. */
export function readString(from: unknown, key: string, longest: number): string | undefined {
  const value = readField(from, key)
  return typeof value === 'string' && value.length <= longest ? value : undefined
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return (typeof value === 'object' && value !== null) || typeof value === 'function'
}

/** Gives a header's value by its lower-case name; several values are joined as HTTP joins them; undefined: absent. */
export type HeaderReader = (name: string) => string | undefined

const LONGEST_HEADER = 4096
const MOST_HEADERS = 500

/** A reader for a `Headers` instance, a Map, or a plain object in whatever letter case; undefined where there is no such thing. */
export function headerReader(headers: unknown): HeaderReader | undefined {
  if (!isObject(headers)) return undefined
  const get = readField(headers, 'get')
  if (typeof get === 'function') {
    return (name) => {
      try {
        return headerText(Reflect.apply(get, headers, [name]))
      } catch {
        return undefined
      }
    }
  }
  let byLowerCase: Map<string, string> | undefined
  return (name) => {
    const exact = headerText(readField(headers, name))
    if (exact !== undefined) return exact
    byLowerCase ??= lowerCased(headers)
    return headerText(readField(headers, byLowerCase.get(name) ?? name))
  }
}

function headerText(value: unknown): string | undefined {
  if (typeof value === 'number') return String(value)
  const text = Array.isArray(value) ? joined(value) : value
  return typeof text === 'string' && text.length <= LONGEST_HEADER ? text : undefined
}

function joined(values: readonly unknown[]): string | undefined {
  if (values.length > 20) return undefined
  return values.every((value) => typeof value === 'string' && value.length <= LONGEST_HEADER) ? values.join(', ') : undefined
}

function lowerCased(headers: object): Map<string, string> {
  const names = new Map<string, string>()
  try {
    for (const name of Object.keys(headers).slice(0, MOST_HEADERS)) {
      if (name.length <= 100) names.set(name.toLowerCase(), name)
    }
  } catch {
    // A proxy that will not list its keys has no headers for us.
  }
  return names
}
