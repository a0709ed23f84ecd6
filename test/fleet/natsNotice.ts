// Says once a run, before the tests, that those of the fleet are skipped where there is no nats-server.
import { findNatsServer, HOW_TO_GET_NATS } from './natsBinary.ts'

export function setup(): void {
  if (findNatsServer() !== undefined || process.env.CI === 'true') return
  console.warn(`\nSKIPPED: the tests of the fleet, as nats-server was not found. To run them, ${HOW_TO_GET_NATS}.\n`)
}
