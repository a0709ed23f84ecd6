// A latch at its edges: it stays for its least time, and lets go when its cause has been gone for as long as it must.
import { expect, it } from 'vitest'
import { type Latch, latched } from '../../../src/model/orchestrator/hysteresis.ts'

const times = { hold: 10_000, clear: 5000 }

/** The times (s) from which to which it stood, for causes that were there in the given seconds. */
function stood(cause: (second: number) => boolean, seconds = 60): [number, number][] {
  const spans: [number, number][] = []
  let latch: Latch | undefined
  for (let second = 0; second <= seconds; second++) {
    const next = latched(latch, cause(second), times, second * 1000)
    if (!latch && next) spans.push([second, seconds])
    const last = spans.at(-1)
    if (latch && !next && last) last[1] = second
    latch = next
  }
  return spans
}

it('stays its least time, however short its cause', () => {
  expect(stood((second) => second === 3)).toEqual([[3, 13]])
})

it('lets go when its cause has been gone for long enough, and not a second before', () => {
  expect(stood((second) => second < 20)).toEqual([[0, 25]])
})

it('counts anew when its cause comes back meanwhile', () => {
  expect(stood((second) => second < 20 || second === 23)).toEqual([[0, 29]])
})

it('does not flap with a cause that does', () => {
  expect(stood((second) => second % 4 === 0 && second < 41)).toEqual([[0, 46]])
})
