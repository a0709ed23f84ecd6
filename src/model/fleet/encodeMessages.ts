// Writes messages as they travel: what their subject says is left out, and those of one subject go together.
import type { WireMessage } from './wire.ts'
import { MAX_BATCH, MAX_BODY } from './wireFields.ts'

export interface Batch {
  readonly bytes: Uint8Array
  /** How many messages it holds. */
  readonly count: number
}

export interface Batches {
  readonly batches: readonly Batch[]
  /** Messages that are too big for a body of their own, or that cannot be JSON. */
  readonly tooBig: number
}

const utf8 = new TextEncoder()

/** One body for all `messages`, which go to one subject: an object for one, a list for several. */
export function encodeMessages(messages: readonly WireMessage[]): Uint8Array {
  return utf8.encode(together(messages.map(textOf)))
}

/** As few bodies as can be, each of at most `maxBody` bytes and {@link MAX_BATCH} messages, which all go to one subject. */
export function encodeBatches(messages: readonly WireMessage[], maxBody: number = MAX_BODY): Batches {
  const batches: Batch[] = []
  let tooBig = 0
  let texts: string[] = []
  // Two brackets, and a comma between each two.
  let size = 1
  const end = (): void => {
    if (texts.length > 0) batches.push({ bytes: utf8.encode(together(texts)), count: texts.length })
    texts = []
    size = 1
  }
  for (const message of messages) {
    const text = soundTextOf(message)
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

function textOf(message: WireMessage): string {
  const { v: _1, type: _2, service: _3, node: _4, ...rest } = message
  return JSON.stringify(rest)
}

/** One that cannot be JSON must not keep the others from being sent. */
function soundTextOf(message: WireMessage): string | undefined {
  try {
    return textOf(message)
  } catch {
    return undefined
  }
}

function together(texts: readonly string[]): string {
  const [only = '[]'] = texts
  return texts.length <= 1 ? only : `[${texts.join(',')}]`
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
