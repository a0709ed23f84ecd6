// The shortest way into every state, for tests that must hold in all of them.
import type { PolicyInput } from '../../src/model/policy.ts'
import type { StatePath } from '../../src/model/states.ts'
import { BreakerDriver } from './breakerDriver.ts'

const WAYS: Readonly<Record<StatePath, (drive: BreakerDriver) => unknown>> = {
  'closed.watching': () => undefined,
  'closed.ramping': (drive) => {
    WAYS.halfOpen(drive)
    for (let i = 0; i < 2; i++) drive.succeed({ probe: drive.admit() })
  },
  'closed.bypassed': (drive) => drive.command('disable'),
  'open.cooling': (drive) => drive.trip(),
  'open.awaitingPermit': (drive) => drive.trip().untilDeadline(),
  'open.forced': (drive) => drive.command('trip'),
  halfOpen: (drive) => drive.trip().untilDeadline().permit(),
  'degraded.level1': (drive) => drive.health(1),
  'degraded.level2': (drive) => drive.health(2),
  'degraded.level3': (drive) => drive.health(3),
  'rateLimited.paced': (drive) => drive.limit('paced', 20_000),
  'rateLimited.exhausted': (drive) => drive.limit('exhausted', 20_000),
  'budgetLimited.throttled': (drive) => drive.budget('throttled', 20_000),
  'budgetLimited.blocked': (drive) => drive.budget('blocked', 20_000),
  maintenance: (drive) => drive.maintain(20_000),
}

/** A breaker that stands in `path`. */
export function standIn(path: StatePath, policy: PolicyInput = {}): BreakerDriver {
  const drive = new BreakerDriver(policy)
  WAYS[path](drive)
  if (drive.path !== path) throw new Error(`the way to ${path} led to ${drive.path}`)
  return drive
}
