// A port on loopback where nobody listens, for a server that is to be started there, or for a place where none is. Not one that the
// system gives out by itself: between this and the start of the server it could be given to anybody's outgoing connection.
import { createServer } from 'node:net'

/** Systems give out ports above these. */
const FIRST = 10_000
const COUNT = 22_000

/** Processes begin far from each other. */
let next = (process.pid * 61 + Number(process.env.VITEST_WORKER_ID ?? 0) * 7919) % COUNT

export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST + next
    next = (next + 1) % COUNT
    if (await isFree(port)) return port
  }
}

function isFree(port: number): Promise<boolean> {
  const probe = createServer()
  return new Promise((resolve) => {
    probe.once('error', () => resolve(false))
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)))
  })
}
