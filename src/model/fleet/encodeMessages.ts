// Writes messages as they travel: what their subject says is left out, and those of one subject go together.
import type { WireMessage } from './wire.ts'
import { MAX_BATCH, MAX_BODY } from './wireFields.ts'

export interface Batches {
  /** Bodies: an object for one message, a list for several. */
  readonly batches: readonly Uint8Array[]
  /** Messages that are too big for a body of their own, or that cannot be JSON. */
  readonly tooBig: number
}

const utf8 = new TextEncoder()

/** As few bodies as can be, each of at most `maxBody` bytes and {@link MAX_BATCH} messages, which all go to one subject. */
export function encodeBatches(messages: readonly WireMessage[], maxBody: number = MAX_BODY): Batches {
  const batches: Uint8Array[] = []
  let tooBig = 0
  let texts: string[] = []
  // Two brackets, and a comma between each two.
  let size = 1
  const end = (): void => {
    if (texts.length > 0) batches.push(utf8.encode(texts.length > 1 ? `[${texts.join(',')}]` : texts[0]))
    texts = []
    size = 1
  }
  for (const message of messages) {
    const text = textOf(message)
    const bytes = text === undefined ? 0 : sizeOf(text)
    if (text === undefined || bytes > maxBody) {
      tooBig++
      continue
    }
    if (size + bytes + 1 > maxBody || texts.length >= MAX_BATCH) end()
    texts.push(text)
    size += bytes + 1
  }
  end()
  return { batches, tooBig }
}

/** One that cannot be JSON must not keep the others from being sent. */
function textOf({ v: _1, type: _2, service: _3, node: _4, ...rest }: WireMessage): string | undefined {
  try {
    return JSON.stringify(rest)
  } catch {
    return undefined
  }
}

/** In UTF-8. */
function sizeOf(text: string): number {
  let size = text.length
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x80) continue
    // A pair of surrogates takes four bytes: two for each of its halves.
    size += unit < 0x800 || (unit >= 0xd800 && unit < 0xe000) ? 1 : 2
  }
  return size
}
