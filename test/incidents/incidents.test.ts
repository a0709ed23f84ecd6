// The made-up incidents are the same for a seed, keep their seeds apart, and are found as their labels say: a sample of what
// `npm run eval:correlation` measures, on seeds for tuning.
import { describe, expect, test } from 'vitest'
import { FailureHistory } from '../../src/analysis/failureHistory.ts'
import { type Incident, REPORTING_SEEDS, TUNING_SEEDS } from './incident.ts'
import { INCIDENT_KINDS, quiet } from './kinds.ts'
import { isFound, isPermitted } from './labels.ts'
import { play } from './play.ts'

test('seeds for tuning and seeds for reporting are different ones', () => {
  expect(TUNING_SEEDS.to).toBeLessThan(REPORTING_SEEDS.from)
})

test('the same seed makes the same incident, another seed another', () => {
  for (const kind of INCIDENT_KINDS.slice(4, 7)) {
    const made = JSON.stringify(kind(3))
    expect(JSON.stringify(kind(3)) === made).toBe(true)
    expect(JSON.stringify(kind(4)) === made).toBe(false)
  }
})

describe('a sample', () => {
  test.each(INCIDENT_KINDS.map((kind, i) => [kind.name, kind, 700 + i] as const))(
    'of %s is found, and nothing beside it',
    (_, kind, from) => {
      let seed = from
      let incident = kind(seed)
      while (incident.expected.length === 0) incident = kind(++seed)
      const { missed, wrong } = judged(incident)
      expect(missed).toEqual([])
      expect(wrong).toEqual([])
    },
  )

  test('of quiet traffic has no findings', () => {
    expect(judged(quiet(600))).toEqual({ missed: [], wrong: [] })
  })
})

function judged(incident: Incident): { missed: string[]; wrong: string[] } {
  const missing = new Set(incident.expected)
  const wrong: string[] = []
  play(incident, new FailureHistory(), (findings, at) => {
    for (const finding of findings) {
      const labels = incident.expected.filter((label) => at >= label.from && isFound(finding, label))
      for (const label of labels) if (at <= label.due) missing.delete(label)
      const permitted = incident.permitted.some((permission) => isPermitted(finding, permission, at))
      if (labels.length === 0 && !permitted) wrong.push(`${finding.pattern} ${finding.services.join(' ')}`)
    }
  })
  return { missed: [...missing].map(({ pattern }) => pattern), wrong }
}
