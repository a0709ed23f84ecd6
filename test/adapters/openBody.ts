// A body that a test writes to by hand, chunk by chunk.
import { vi } from 'vitest'

export function openBody() {
  const cancelled = vi.fn<(reason?: unknown) => void>()
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined
  const body = new ReadableStream<Uint8Array>({
    start(given) {
      controller = given
    },
    cancel: cancelled,
  })
  return {
    body,
    /** Called when the body is cancelled. */
    cancelled,
    write: (text: string) => controller?.enqueue(new TextEncoder().encode(text)),
    end: () => controller?.close(),
    fail: (error: unknown) => controller?.error(error),
  }
}

/** Each element is a chunk. */
export function bodyOf(...chunks: string[]): ReadableStream<Uint8Array> {
  const { body, write, end } = openBody()
  for (const chunk of chunks) write(chunk)
  end()
  return body
}
