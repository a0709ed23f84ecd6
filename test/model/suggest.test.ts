// The nearest known word for a misspelt one.
import { describe, expect, test } from 'vitest'
import { editDistance, suggest } from '../../src/model/suggest.ts'

describe('suggest', () => {
  const keys = ['recoveryTimeout', 'maxRecoveryTimeout', 'probeTimeout', 'trip']

  test.each([
    ['recoveryTimout', 'recoveryTimeout'],
    ['recovery_timeout', 'recoveryTimeout'],
    ['RecoveryTimeout', 'recoveryTimeout'],
    ['probTimeuot', 'probeTimeout'],
    ['tirp', 'trip'],
  ])('takes %s for %s', (word, meant) => {
    expect(suggest(word, keys)).toBe(meant)
  })

  test.each(['banana', '', 'x'.repeat(65), '___'])('takes %j for nothing', (word) => {
    expect(suggest(word, keys)).toBeUndefined()
  })

  test('lets a third of the letters be wrong, and no more', () => {
    expect(suggest('abcxxx', ['abcdef'])).toBeUndefined()
    expect(suggest('abcdxx', ['abcdef'])).toBe('abcdef')
  })
})

describe('the edit distance', () => {
  test.each([
    ['', '', 0],
    ['', 'abc', 3],
    ['abc', '', 3],
    ['abc', 'abc', 0],
    ['abc', 'acb', 1],
    ['kitten', 'sitting', 3],
    ['ca', 'abc', 3],
  ])('from %j to %j is %i', (a, b, distance) => {
    expect(editDistance(a, b)).toBe(distance)
  })
})
