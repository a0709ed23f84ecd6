// Leads a breaker through all seven states, for tests of what looks on.

import type { VirtualClock } from '../src/model/virtualClock.ts'
import type { Switchgear } from '../src/switchgear.ts'

export const SERVICES = { search: { kind: 'custom', recoveryTimeout: 1000, rampDuration: 0 } } as const

/** Through all states and back to closed; `look` is called in each but the first, with time to see it. */
export async function visitAllStates(
  gear: Switchgear<typeof SERVICES>,
  clock: VirtualClock,
  look: () => Promise<void> = async () => {},
): Promise<void> {
  const { search } = gear.services
  search.signal({ kind: 'health', level: 1, reason: 'slow and secret' })
  await look()
  search.signal({ kind: 'limit', mode: 'paced', until: clock.now() + 500, perSecond: 1 })
  await look()
  search.signal({ kind: 'budget', mode: 'blocked', rule: 'daily' })
  await look()
  search.command({ name: 'beginMaintenance', by: 'jane.doe', why: 'moving house', until: clock.now() + 1000 })
  await look()
  search.signal({ kind: 'budgetCleared' })
  search.signal({ kind: 'health', level: 0, reason: 'well' })
  clock.advance(1000)
  await look()
  for (let i = 0; i < 3; i++) await search.execute(() => Promise.reject(new Error('down'))).catch(() => undefined)
  await look()
  clock.advance(60_000)
  for (let i = 0; i < 2; i++) await search.execute(() => 'found')
  await look()
}
