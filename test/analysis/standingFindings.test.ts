// A finding is followed from look to look: what is the same one though its services change, and what of it is told.
import { describe, expect, test } from 'vitest'
import { StandingFindings } from '../../src/analysis/standingFindings.ts'
import { type Finding, type FindingPattern, findingKey, findingSchema } from '../../src/model/findings.ts'
import { START } from './story.ts'

function finding(pattern: FindingPattern, services: readonly string[], more: Partial<Finding> = {}): Finding {
  return {
    pattern,
    services,
    strength: 0.9,
    severity: 'normal',
    interval: { from: START, to: START },
    evidence: { counts: [], occasions: 1, chance: 0, events: [] },
    recommendations: [],
    ...more,
  }
}

const names = (count: number, from = 0) => Array.from({ length: count }, (_, i) => `s${String(i + from).padStart(3, '0')}`)

/** What is told of looks a second apart: `+` found or told again, `-` over, with the number of services. */
function toldOf(looks: readonly (readonly Finding[])[], standing = new StandingFindings()): string[] {
  return looks.map((found, second) =>
    standing
      .take(found, START + second * 1000)
      .map(({ finding: { services, serviceCount, root, severity }, over }) =>
        [over ? '-' : '+', serviceCount ?? services.length, root, severity === 'high' ? '!' : undefined].filter(Boolean).join(''),
      )
      .join(' '),
  )
}

describe('one finding', () => {
  test.each<[string, Finding[][], string[]]>([
    ['that does not change is told once', [[finding('burst', ['a'])], [finding('burst', ['a'])], []], ['+1', '', '-1']],
    [
      'that grows is told again when there are twice as many',
      [3, 4, 5, 6, 7, 11, 12].map((count) => [finding('system_wide', names(count))]),
      ['+3', '', '', '+6', '', '', '+12'],
    ],
    [
      'that becomes grave is told again, and stays grave',
      [
        [finding('system_wide', names(3))],
        [finding('system_wide', names(4), { severity: 'high' })],
        [finding('system_wide', names(3))],
        [],
      ],
      ['+3', '+4!', '', '-3!'],
    ],
    [
      'of which another is at the root is told again',
      [[finding('cascade', ['a', 'b', 'c'], { root: 'a' })], [finding('cascade', ['a', 'b', 'c', 'd'], { root: 'd' })]],
      ['+3a', '+4d'],
    ],
    [
      'of which one in three goes and another comes is still the same',
      [[finding('system_wide', ['a', 'b', 'c'])], [finding('system_wide', ['b', 'c', 'd'])]],
      ['+3', ''],
    ],
    [
      'is another where they have few services in common',
      [[finding('system_wide', ['a', 'b', 'c', 'd'])], [finding('system_wide', ['c', 'd', 'e', 'f'])]],
      ['+4', '-4 +4'],
    ],
    [
      'is another where the pairs have one in common',
      [[finding('temporal_correlation', ['a', 'b'])], [finding('temporal_correlation', ['a', 'c'])]],
      ['+2', '-2 +2'],
    ],
    [
      'is another where they fail in another way',
      [
        [finding('common_cause', names(3), { failureType: 'timeout' })],
        [finding('common_cause', names(3), { failureType: 'authentication' })],
      ],
      ['+3', '-3 +3'],
    ],
    [
      'of two that have become one, that of the same root goes on',
      [
        [finding('cascade', ['a', 'b'], { root: 'a' }), finding('cascade', ['c', 'd', 'e'], { root: 'c' })],
        [finding('cascade', ['a', 'b', 'c', 'd', 'e'], { root: 'a' })],
      ],
      ['+2a +3c', '-3c +5a'],
    ],
  ])('%s', (_, looks, told) => {
    expect(toldOf(looks)).toEqual(told)
  })

  test('has one key from the first to the last, and no two have the same', () => {
    const standing = new StandingFindings()
    const keys = [
      [finding('burst', ['a']), finding('burst', ['b'])],
      [finding('system_wide', names(3))],
      [finding('system_wide', names(6))],
      [],
    ].map((found, second) => standing.take(found, START + second).map((change) => findingKey(change.finding)))
    expect(keys[0]).toEqual([`burst@${START}`, `burst@${START}.2`])
    expect(keys[2]).toEqual([`system_wide@${START + 1}`])
    expect(keys[3]).toEqual(keys[2])
  })

  test('names 64 of its services, the root among them, and says how many they are', () => {
    const [change] = new StandingFindings().take([finding('cascade', names(1000), { root: 's999' })], START)
    const told = findingSchema.parse(change!.finding)
    expect(told).toMatchObject({ serviceCount: 1000, root: 's999' })
    expect(told.services).toEqual([...names(63), 's999'])
    const [wide] = new StandingFindings().take([finding('system_wide', names(65))], START)
    expect(wide!.finding.services).toEqual(names(64))
  })
})

describe('taken over at a restart', () => {
  const HOUR = 3_600_000
  test.each<[string, Finding, number]>([
    ['a burst that has just been', finding('burst', ['a']), 120],
    ['a common cause', finding('common_cause', names(3)), 300],
    ['a pair, which shows for an hour', finding('temporal_correlation', ['a', 'b']), 3600],
    ['a rhythm, for two beats', finding('recurring', ['a'], { periodMs: 100_000, spreadMs: 5000 }), 215],
    ['a rhythm of which no more is known', finding('recurring', ['a']), 7200],
    ['what ended more than an hour ago', finding('burst', ['a'], { interval: { from: 0, to: START - 2 * HOUR } }), 0],
  ])('%s is over %#: after %d s', (_, one, seconds) => {
    const standing = new StandingFindings()
    standing.adopt([one], START)
    if (seconds > 0) expect(standing.take([], START + seconds * 1000 - 1)).toEqual([])
    expect(standing.take([], START + seconds * 1000)).toMatchObject([{ over: true, finding: { pattern: one.pattern } }])
    expect(standing.size).toBe(0)
  })

  test('what is found again is the same, though a journal from before did not name it', () => {
    const old = finding('system_wide', names(3))
    const standing = new StandingFindings()
    standing.adopt([old], START)
    expect(standing.take([finding('system_wide', names(4))], START + 1000)).toEqual([])
    const [over] = standing.take([], START + 2000)
    expect(findingKey(over!.finding)).toBe(findingKey(old))
  })
})
