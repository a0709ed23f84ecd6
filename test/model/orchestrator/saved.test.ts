// What a header keeps of the orchestrator comes from a file, and is looked at before it is trusted.
import { expect, it } from 'vitest'
import { ConfigError } from '../../../src/model/errors.ts'
import { parseSaved } from '../../../src/model/orchestrator/saved.ts'
import { ASKED, contextOf, FOUR } from './onBoard.ts'

const { config: _, ...saved } = contextOf(
  FOUR,
  { a: 'open.cooling' },
  { force: { b: ASKED }, latches: { mine: { since: 1, clearSince: 2 } }, granted: { a: 1 } },
)
const asSaved: unknown = JSON.parse(JSON.stringify(saved))

it('comes back as it went', () => {
  expect(parseSaved(asSaved)).toEqual(saved)
})

it.each<[string, unknown]>([
  ['nothing', undefined],
  ['no object', 'saved'],
  ['a part too few', { ...saved, latches: undefined }],
  ['a state that there is not', { ...saved, services: { a: { path: 'ajar', since: 0, failing: false } } }],
  ['a system state that there is not', { ...saved, system: { state: 'fine', since: 0 } }],
  ['an epoch below 0', { ...saved, epoch: -1 }],
  ['an epoch that is not whole', { ...saved, epoch: 0.5 }],
  ['a time that is not a number', { ...saved, granted: { a: '1' } }],
  ['a time without end', { ...saved, granted: { a: Number.POSITIVE_INFINITY } }],
  ['a level too many', { ...saved, force: { a: { ...ASKED, level: 4 } } }],
  ['a list for an object', { ...saved, wanted: [] }],
  ['more verdicts than rules can be', { ...saved, verdicts: Array(1001).fill('x') }],
  ['a finding of nobody', { ...saved, findings: [{ pattern: 'burst', services: [] }] }],
])('is refused when it is %s', (_, input) => {
  expect(() => parseSaved(input)).toThrow(ConfigError)
})
