// Where a text stops being JSON. JSON.parse tells it in some versions of Node only, and quotes the text around it, which may
// hold a secret.

const SPACE = /[ \t\n\r]*/y
const SCALAR =
  /"[ !#-[\]-\uffff]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[ !#-[\]-\uffff]*)*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y

/** The offset of the first character that no JSON text could have there; the text's length if it only ends too early. */
export function jsonErrorOffset(text: string): number {
  const open: ('{' | '[')[] = []
  let expected: 'value' | 'value or end' | 'key' | 'key or end' | 'colon' | 'separator' = 'value'
  let at = skip(text, 0)
  while (at < text.length) {
    const char = text[at]
    const inside = open.at(-1)
    if (expected === 'colon') {
      if (char !== ':') return at
      expected = 'value'
      at++
    } else if ((char === '}' && inside === '{') || (char === ']' && inside === '[')) {
      if (expected !== 'separator' && expected !== (inside === '{' ? 'key or end' : 'value or end')) return at
      open.pop()
      expected = 'separator'
      at++
    } else if (expected === 'separator') {
      if (char !== ',' || inside === undefined) return at
      expected = inside === '{' ? 'key' : 'value'
      at++
    } else if ((char === '{' || char === '[') && expected.startsWith('value')) {
      open.push(char)
      expected = char === '{' ? 'key or end' : 'value or end'
      at++
    } else {
      const isKey = expected.startsWith('key')
      SCALAR.lastIndex = at
      if ((isKey && char !== '"') || !SCALAR.test(text)) return at
      expected = isKey ? 'colon' : 'separator'
      at = SCALAR.lastIndex
    }
    at = skip(text, at)
  }
  return text.length
}

/** 1-based line and column of an offset. */
export function lineAndColumn(text: string, offset: number): { readonly line: number; readonly column: number } {
  const lineStart = text.lastIndexOf('\n', offset - 1) + 1
  return { line: text.slice(0, lineStart).split('\n').length, column: offset - lineStart + 1 }
}

function skip(text: string, at: number): number {
  SPACE.lastIndex = at
  SPACE.test(text)
  return SPACE.lastIndex
}
