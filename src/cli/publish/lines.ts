// The lines of a stream, in groups as they come: what is there is sent at once, and what is not yet there is waited for.

export interface Line {
  readonly text: string
  /** From 1. */
  readonly number: number
}

/** No message is longer; what is, is cut and will be refused. */
const LONGEST = 131_072

/** Empty lines are left out, but counted. */
export async function* linesOf(input: AsyncIterable<Buffer>): AsyncGenerator<readonly Line[]> {
  const decoder = new TextDecoder()
  let rest = ''
  let number = 0
  const complete = (texts: readonly string[]): Line[] =>
    texts.map((text) => ({ text, number: ++number })).filter(({ text }) => text.trim() !== '')
  for await (const chunk of input) {
    const texts = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = (texts.pop() ?? '').slice(0, LONGEST)
    const lines = complete(texts)
    if (lines.length > 0) yield lines
  }
  const last = complete([rest + decoder.decode()])
  if (last.length > 0) yield last
}
