// How values become the text that Redis keeps, and values again. By default strings pass as they are, so that others can read
// them; anything else is JSON behind a mark, by which it is known when it comes back.

export interface CacheCodec<V> {
  serialize(value: V): string
  deserialize(text: string): V
}

const MARK = 'json:'

/** A string that begins with the mark is written as JSON too, so whatever goes in comes out. */
export const TEXT_OR_JSON: CacheCodec<unknown> = {
  serialize: (value) => (typeof value === 'string' && !value.startsWith(MARK) ? value : MARK + json(value)),
  deserialize: (text) => (text.startsWith(MARK) ? JSON.parse(text.slice(MARK.length)) : text),
}

function json(value: unknown): string {
  const text = JSON.stringify(value)
  // Functions and symbols have no JSON.
  if (text === undefined) throw new TypeError(`a ${typeof value} cannot be written as JSON; give serialize and deserialize`)
  return text
}
