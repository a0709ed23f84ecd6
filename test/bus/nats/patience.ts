// Patience with a server that is asked about the lease of the fleet: the link gives it less than a second, and a machine that is
// busy with other things may need more. For tests in which no answer is lost, or in which that is said.
import { beforeEach, vi } from 'vitest'
import { TIMEOUT } from '../../../src/bus/nats/natsLease.ts'

/** How long the link waits for an answer here, ms: until the test has hung. */
const PATIENCE = 30_000

/** For each test of the file. What comes back ends the patience, for a test that loses answers. */
export function patienceWithLeases(): () => void {
  let patience = PATIENCE
  beforeEach(() => {
    patience = PATIENCE
    const real = setTimeout
    const patient = (then: () => void, ms?: number): NodeJS.Timeout => real(then, ms === TIMEOUT ? patience : ms)
    const spy = vi.spyOn(globalThis, 'setTimeout').mockImplementation(patient as typeof setTimeout)
    return () => spy.mockRestore()
  })
  return () => {
    patience = TIMEOUT
  }
}
