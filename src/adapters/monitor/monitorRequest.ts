// One GET of the service monitor: bounded in time and in what is read of the answer, and never an error.
import type { Clock } from '../../model/clock.ts'
import { Due } from '../../model/timer.ts'
import type { MonitorAnswer } from '../../services/serviceProfile.ts'

/** As much of `fetch` as a monitor needs. */
export type MonitorFetch = (url: string, init: MonitorRequestInit) => Promise<MonitorResponse>

export interface MonitorRequestInit {
  readonly method: 'GET'
  readonly headers: Record<string, string>
  /** Credentials must not follow to wherever a redirection leads. */
  readonly redirect: 'manual'
  readonly signal: AbortSignal
}

export interface MonitorResponse {
  readonly status: number
  readonly body: ReadableStream<Uint8Array> | null
}

/** Longer bodies are not read, bytes. */
const LONGEST_BODY = 4 * 1024 ** 2

/** The answer, or why there is none. */
export async function ask(
  fetch: MonitorFetch,
  url: string,
  { headers, signal }: Pick<MonitorRequestInit, 'headers' | 'signal'>,
  clock: Clock,
  timeout: number,
): Promise<MonitorAnswer | string> {
  const controller = new AbortController()
  try {
    return await within(
      clock,
      timeout,
      () => controller.abort(),
      async () => {
        const response = await fetch(url, {
          method: 'GET',
          headers,
          redirect: 'manual',
          signal: AbortSignal.any([signal, controller.signal]),
        })
        return { status: response.status, body: await readJson(response.body) }
      },
    )
  } catch (error) {
    return error instanceof Error ? reasonOf(error) : 'no answer'
  }
}

/** What `work` comes to, or an error once `timeout` (ms) has passed: also where `work` does not heed its abortion. */
export function within<T>(clock: Clock, timeout: number, abort: () => void, work: () => Promise<T> | T): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const deadline = new Due(() => {
      reject(new Error(`no answer within ${timeout} ms`))
      abort()
    })
    clock.arm(deadline, clock.now() + timeout)
    Promise.resolve()
      .then(work)
      .then(resolve, reject)
      .finally(() => clock.disarm(deadline))
  })
}

/** Undefined for what is no JSON, or too much of it. */
async function readJson(body: ReadableStream<Uint8Array> | null): Promise<unknown> {
  if (!body) return undefined
  const decoder = new TextDecoder()
  let text = ''
  let length = 0
  for await (const chunk of body) {
    length += chunk.byteLength
    // Leaving the loop cancels the body.
    if (length > LONGEST_BODY) return undefined
    text += decoder.decode(chunk, { stream: true })
  }
  try {
    return JSON.parse(text + decoder.decode())
  } catch {
    return undefined
  }
}

/** Fetch words every lost connection alike; its cause has the code. */
function reasonOf(error: Error): string {
  const { cause } = error
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : undefined
  return (typeof code === 'string' ? `${error.message} (${code})` : error.message).slice(0, 200)
}
