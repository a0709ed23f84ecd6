// Finds a server that answers before the client is let loose on it: a client whose server takes the connection and says nothing
// gives up in time, but leaves its socket behind, open and holding the process, one more with each try.
import { connect } from 'node:net'
import type { Clock } from '../../model/clock.ts'
import { Due } from '../../model/timer.ts'

const PORT = 4222
/** What a server says first. */
const GREETING = 'INFO '

/**
 * `servers` with the first one that answers within `ms` put in front. Rejects when none does, with what the last of them said, and
 * when `stop` is aborted.
 */
export async function firstToAnswer(
  servers: readonly string[],
  clock: Clock,
  ms: number,
  stop: AbortSignal,
): Promise<readonly string[]> {
  let problem: unknown
  for (const server of servers) {
    try {
      await greeting(server, clock, ms, stop)
      return [server, ...servers.filter((other) => other !== server)]
    } catch (error) {
      problem = error
      if (stop.aborted) break
    }
  }
  throw problem
}

function greeting(server: string, clock: Clock, ms: number, stop: AbortSignal): Promise<void> {
  const { hostname, port } = new URL(server.includes('://') ? server : `nats://${server}`)
  return new Promise((resolve, reject) => {
    const socket = connect(port === '' ? PORT : Number(port), hostname.replace(/^\[|\]$/g, ''))
    const end = (problem?: Error): void => {
      clock.disarm(overdue)
      stop.removeEventListener('abort', aborted)
      socket.destroy()
      if (problem === undefined) resolve()
      else reject(problem)
    }
    const aborted = (): void => end(new Error('the connection is not wanted any more'))
    const overdue = new Due(() => end(new Error(`${server}: it does not answer`)))
    clock.arm(overdue, clock.now() + ms)
    stop.addEventListener('abort', aborted)
    socket.once('data', (bytes) => {
      if (bytes.subarray(0, GREETING.length).toString() === GREETING) end()
      else end(new Error(`${server}: it is no NATS server`))
    })
    socket.on('error', (error) => end(new Error(`${server}: ${error.message || String(error)}`)))
    socket.on('close', () => end(new Error(`${server}: it hung up`)))
    if (stop.aborted) aborted()
  })
}
