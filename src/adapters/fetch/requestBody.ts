// Reads the JSON body of a Request beforehand, from a copy, so that the Request itself can still be sent.

/** The body, or undefined where it is longer than `most` bytes, cannot be read, or `signal` aborts meanwhile. */
export async function readJsonBody(
  request: Request,
  signal: AbortSignal | undefined,
  most: number,
): Promise<Uint8Array | undefined> {
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined
  // Does not wait: one half of a copied stream is only done with when the other one is.
  const stop = (): void => void reader?.cancel().catch(() => undefined)
  try {
    reader = request.clone().body?.getReader()
    if (reader === undefined) return undefined
    signal?.addEventListener('abort', stop)
    const chunks: Uint8Array[] = []
    let length = 0
    for (;;) {
      const { done, value } = await reader.read()
      if (signal?.aborted) return undefined
      if (done) return Buffer.concat(chunks, length)
      length += value.length
      if (length > most) {
        stop()
        return undefined
      }
      chunks.push(value)
    }
  } catch {
    // It has been used already, say; the fetch underneath has the right words for that.
    return undefined
  } finally {
    signal?.removeEventListener('abort', stop)
  }
}
