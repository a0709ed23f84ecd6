// One round of requests through one fetch: so many in flight, until so many are done; and what they took.

export type Answer = 'JSON' | 'events'

export interface Round {
  /** CPU of this process, µs a call, user and system. */
  readonly cpu: number
  /** Median time of a call, µs, from the request to the end of its body. */
  readonly latency: number
}

const BODY = JSON.stringify({
  model: 'gpt-4o-mini',
  messages: [
    { role: 'system', content: 'You answer in a few plain words.' },
    { role: 'user', content: 'What is a circuit breaker? '.repeat(10) },
  ],
})

/** Makes `calls` calls, `inFlight` at once. */
export async function round(send: typeof fetch, url: string, answer: Answer, inFlight: number, calls: number): Promise<Round> {
  const latencies = new Float64Array(calls)
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < calls) {
      const call = next++
      const startedAt = performance.now()
      await one(send, url, answer)
      latencies[call] = (performance.now() - startedAt) * 1000
    }
  }
  const before = process.cpuUsage()
  await Promise.all(Array.from({ length: inFlight }, lane))
  const { user, system } = process.cpuUsage(before)
  latencies.sort()
  return { cpu: (user + system) / calls, latency: latencies[calls >> 1] ?? 0 }
}

async function one(send: typeof fetch, url: string, answer: Answer): Promise<void> {
  const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: BODY }
  if (answer === 'JSON') {
    const response = await send(`${url}/v1/chat/completions`, init)
    await response.json()
    return
  }
  const response = await send(`${url}/events`, init)
  let bytes = 0
  for await (const chunk of response.body ?? []) bytes += chunk.length
  if (bytes === 0) throw new Error('no events came')
}
