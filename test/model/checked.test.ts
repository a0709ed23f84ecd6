// What is said of a signal, a directive or a command that is none: where it is wrong, what stands there, and what may.
import { describe, expect, it } from 'vitest'
import { checked } from '../../src/model/checked.ts'
import { ConfigError } from '../../src/model/errors.ts'
import { commandSchema, directiveSchema, signalSchema } from '../../src/model/signals.ts'

const schemas = { signal: signalSchema, directive: directiveSchema, command: commandSchema }

function errorOf(name: keyof typeof schemas, value: unknown): ConfigError {
  try {
    checked(schemas[name], value, name)
  } catch (error) {
    if (error instanceof ConfigError) return error
    throw error
  }
  throw new Error('nothing was refused')
}

const directive = { epoch: 1, level: 1, expiresAt: 9e12, rule: 'r', reason: 'r' }

describe('what is handed in', () => {
  it.each(Object.keys(schemas) as (keyof typeof schemas)[])('comes back as the schema of a %s has it', (name) => {
    const good = {
      signal: { kind: 'limitCleared' },
      directive: { ...directive, admissionRatio: 1, hold: false },
      command: { name: 'trip', by: 'ann', why: 'because' },
    }[name]
    expect(checked(schemas[name], good, name)).toEqual(good)
  })

  it.each<[keyof typeof schemas, unknown, string]>([
    [
      'command',
      {},
      'command.name: missing; allowed: "trip", or "reset", or "disable", or "enable", or "beginMaintenance", or "endMaintenance"',
    ],
    [
      'command',
      undefined,
      'command: missing; allowed: an object with keys name, by, why, or an object with keys name, by, why, until',
    ],
    ['command', { name: 'trip', why: 'because' }, 'command.by: missing; allowed: a text that is not empty'],
    ['command', { name: 'trip', by: '', why: 'because' }, 'command.by: got ""; allowed: a text that is not empty'],
    [
      'command',
      { name: 'explode', by: 'ann', why: 'because' },
      'command.name: got "explode"; allowed: "trip", or "reset", or "disable", or "enable", or "beginMaintenance", or "endMaintenance"',
    ],
    [
      'command',
      { name: 'rest', by: 'ann', why: 'because' },
      'command.name: got "rest"; allowed: "trip", or "reset", or "disable", or "enable", or "beginMaintenance", or "endMaintenance"; did you mean "reset"?',
    ],
    [
      'command',
      { name: 'trip', by: 'ann', why: 'because', until: 5 },
      'command.until: unknown key; allowed: the keys name, by, why',
    ],
    [
      'signal',
      { kind: 'limt' },
      'signal.kind: got "limt"; allowed: "limit", or "limitCleared", or "budget", or "budgetCleared", or "stalled", or "fleetTrip", or "health"; did you mean "limit"?',
    ],
    ['signal', { kind: 'limitCleared', x: 1 }, 'signal.x: unknown key; allowed: the keys kind'],
    [
      'signal',
      { kind: 'limit', mode: 'paced', until: Number.POSITIVE_INFINITY },
      'signal.until: got Infinity; allowed: a number of at least 0',
    ],
    [
      'signal',
      { kind: 'limit', mode: 'pacd' },
      'signal.mode: got "pacd"; allowed: one of "paced", "exhausted"; did you mean "paced"?',
    ],
    [
      'signal',
      { kind: 'budget', mode: 'throttled', share: 2, rule: 'daily' },
      'signal.share: got 2; allowed: a number from 0 to 1',
    ],
    ['signal', { kind: 'stalled', calls: -1 }, 'signal.calls: got -1; allowed: a whole number of at least 1'],
    ['directive', { ...directive, level: 4 }, 'directive.level: got 4; allowed: 0, or 1, or 2, or 3'],
    ['directive', { ...directive, expiresAt: undefined }, 'directive.expiresAt: missing; allowed: a number of at least 0'],
    ['directive', { ...directive, admissionRatio: 1.5 }, 'directive.admissionRatio: got 1.5; allowed: a number from 0 to 1'],
  ])('is refused in words, as a %s: %j', (name, value, words) => {
    expect(errorOf(name, value).message).toBe(words)
  })

  it('that is nothing at all is told every form there is', () => {
    const { message } = errorOf('signal', null)
    expect(message).toMatch(/^signal: got null; allowed: an object with keys kind, mode, until, perSecond, reason, or /)
    for (const keys of ['kind, or', 'kind, calls', 'kind, level, reason']) expect(message).toContain(`keys ${keys}`)
  })

  it('with more than one fault is told all of them, and its fields tell the first', () => {
    const error = errorOf('command', { name: 'trip', by: 7 })
    expect(error).toMatchObject({ path: 'command.by', value: 7, allowed: 'a text that is not empty' })
    expect(error.message).toContain('command.why: missing; allowed: a text')
  })
})
