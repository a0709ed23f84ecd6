// Journals from before streaks were weighed, stalled calls looked for and probes timed by what is usual: their policies do not
// have those keys, and absent means off.
import { expect, it } from 'vitest'
import type { JournalRecord } from '../../src/index.ts'
import type { BreakerPolicy } from '../../src/model/policy.ts'
import { httpError, ofType, replayed, testBoard } from '../actors/testBoard.ts'

const ABSENT = new Set(['streakSignificance', 'stalledCalls', 'probePatience'])

/** As such a journal would have been read. */
function asOfOld(records: readonly JournalRecord[]): JournalRecord[] {
  return JSON.parse(JSON.stringify(records, (key, value) => (ABSENT.has(key) ? undefined : value)))
}

it('a journal whose policies lack the newer keys replays as it was: streaks count plainly, probes have their full time', async () => {
  const { gear, clock, journal } = await testBoard({
    search: {
      kind: 'http',
      trip: { failureRate: false, slowCallRate: false, streakSignificance: false, stalledCalls: false },
      degrade: false,
      recoveryTimeout: 5000,
      probePatience: false,
    },
  })
  const { search } = gear.services
  const end = (well: boolean): void => {
    const permit = search.admit()
    clock.advance(50)
    if (well) permit.succeed()
    else permit.fail(httpError(503))
  }
  // Half of the calls fail anyway: five in a row would be no wonder, had anybody asked.
  for (let i = 0; i < 50; i++) end(i % 2 === 0)
  for (let i = 0; i < 5 && search.state === 'closed'; i++) end(false)
  expect(search.reason).toBe('consecutive_failures')
  clock.advance(30_000)
  // Of two probes that hang, the older one is due first.
  search.admit()
  clock.advance(1000)
  search.admit()
  clock.advance(29_999)
  expect(search.state).toBe('halfOpen')
  clock.advance(1)
  expect(search.reason).toBe('probes_failed')

  const old = asOfOld(journal.records)
  const [header] = old
  const policy: BreakerPolicy | undefined = header?.type === 'header' ? header.services.search?.policy : undefined
  expect([policy?.trip.streakSignificance, policy?.trip.stalledCalls, policy?.probePatience]).toEqual([
    undefined,
    undefined,
    undefined,
  ])
  const { differences, first, transitions } = replayed(old)
  expect(first).toBeUndefined()
  expect({ differences, transitions }).toEqual({ differences: 0, transitions: ofType(journal.records, 'transition').length })
})
