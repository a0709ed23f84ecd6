// Whatever happens on the fleet's bus: when all calls go well nothing opens any more, and one sick node opens nobody else.
import { expect, test } from 'vitest'
import { findsCalm, findsOneSick } from './calmStories.ts'

// Seeds that found something once: failures held from an outage that was over, and a sick node that passed for the only one.

test.each([200, 202])('once every call goes well, no old, late or repeated news opens anything (seed %i)', async (seed) => {
  const { late, left } = await findsCalm(seed)
  expect({ late, left }).toEqual({ late: [], left: [] })
})

test.each([19, 32, 79])('one sick node of several opens none of the others that call (seed %i)', async (seed) => {
  expect((await findsOneSick(seed)).opened).toEqual([])
})
