// Keeps docs/configuration.md in step with the schema and the defaults.
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { configSchema } from '../../src/model/config.ts'
import { placeOf } from '../../src/model/orchestrator/config.ts'
import { type BreakerPolicy, KINDS, policySchema, resolvePolicy } from '../../src/model/policy.ts'
import { alternatives, inWords, nodesAt, type SchemaNode, schemaNode } from '../../src/model/schemaNode.ts'
import { resolveSettings } from '../../src/model/settings.ts'

const text = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8')

interface Row {
  readonly allowed: string
  readonly standard: string
}

/** The rows that document keys: key, allowed, default, meaning. */
const rows = new Map<string, Row>()
for (const [, key = '', allowed = '', standard = ''] of text.matchAll(/^\| `([^`]+)` \| (.+?) \| (.+?) \| .+ \|$/gm)) {
  rows.set(key, { allowed, standard })
}

/** Every dotted path of a schema with what it allows; entries of a record are left to their own schema. */
function documented(root: SchemaNode, path: readonly (string | number)[] = []): [string, string][] {
  const parts = nodesAt(root, path).flatMap(alternatives)
  const named = parts.flatMap((part) => Object.keys(part.properties ?? {}))
  const listed = parts.flatMap((part) => [...(part.prefixItems ?? []).keys()])
  return [...new Set([...named, ...listed])].flatMap((key): [string, string][] => {
    const inner = [...path, key]
    const own: [string, string] = [inner.join('.'), inWords(nodesAt(root, inner))]
    return typeof key === 'number' ? documented(root, inner) : [own, ...documented(root, inner)]
  })
}

const root = schemaNode(configSchema)
const service = nodesAt(root, ['services', 'any'])[0] ?? {}
const inner = (path: readonly (string | number)[], prefix: string): [string, string][] =>
  documented(nodesAt(root, path)[0] ?? {}).map(([key, allowed]) => [`${prefix}.${key}`, allowed])
const keys = [
  ...documented(root),
  ...documented(service),
  ...inner(['routes', 'any'], 'routes.NAME'),
  ...inner(['routes', 'any', 'backends', 0], 'routes.NAME.backends.N'),
  ...inner(['budgets', 'rules', 0], 'budgets.rules.N'),
]

describe('docs/configuration.md', () => {
  test.each(keys)('says of %s what is allowed', (key, allowed) => {
    expect(rows.get(key)?.allowed).toBe(allowed)
  })

  test('documents no key that does not exist', () => {
    expect([...rows.keys()].sort()).toEqual(keys.map(([key]) => key).sort())
  })

  test('covers the whole policy', () => {
    const policy: (keyof BreakerPolicy)[] = Object.keys(policySchema.shape) as (keyof BreakerPolicy)[]
    expect(Object.keys(resolvePolicy('http')).sort()).toEqual([...policy].sort())
    for (const key of policy) expect(rows.has(key)).toBe(true)
  })

  test('has the defaults that differ by kind', () => {
    const lines = KINDS.map((kind) => {
      const { trip, recoveryTimeout, window, probePatience } = resolvePolicy(kind)
      const slow = trip.slowCallRate === false ? 'off' : trip.slowCallRate.slowerThanMs
      const patience = `${trip.stalledCalls === false ? 'off' : trip.stalledCalls.patience} | ${probePatience || 'off'}`
      return `| ${kind} | ${trip.consecutiveFailures} | ${recoveryTimeout} | ${window.type === 'time' && window.seconds} | ${slow} | ${patience} |`
    })
    expect(text).toContain(`|---|---|---|---|---|---|---|\n${lines.join('\n')}\n\n`)
  })

  test.each(documented(service).filter(([key]) => /^[\d`]/.test(rows.get(key)?.standard ?? '') && key !== 'kind'))(
    'has the default of %s, which all kinds share',
    (key) => {
      const stated = /^`?([\w.]+)/.exec(rows.get(key)?.standard ?? '')?.[1]
      for (const kind of KINDS) {
        const value = key.split('.').reduce<unknown>((inner, part) => (inner as Record<string, unknown>)[part], {
          ...resolvePolicy(kind),
          ...resolveSettings(kind),
          ...placeOf(kind, {}),
        })
        expect(String(value)).toBe(stated)
      }
    },
  )

  test('has the levels and settings that differ by kind', () => {
    const lines = KINDS.map((kind) => {
      const { qualityFloor, hitRateFloor, memoryLimit } = resolveSettings(kind)
      return `| ${kind} | ${resolvePolicy(kind).levels[2].admit} | ${qualityFloor} | ${hitRateFloor} | ${memoryLimit} |`
    })
    expect(text).toContain(`|---|---|---|---|---|\n${lines.join('\n')}\n\n`)
  })

  test('leaves no default that differs by kind unsaid', () => {
    const byKind = keys.map(([key]) => key).filter((key) => rows.get(key)?.standard.startsWith('by kind'))
    expect(byKind).toEqual(
      expect.arrayContaining([
        'trip.consecutiveFailures',
        'recoveryTimeout',
        'window.seconds',
        'trip.slowCallRate.slowerThanMs',
        'trip.stalledCalls',
        'probePatience',
        'levels.2.admit',
        'qualityFloor',
        'hitRateFloor',
        'memoryLimit',
      ]),
    )
    const rest = KINDS.map((kind) => {
      const { trip, window: _, recoveryTimeout: __, probePatience: ___, levels, ...policy } = resolvePolicy(kind)
      const { qualityFloor: _q, hitRateFloor: _h, memoryLimit: _m, ...settings } = resolveSettings(kind)
      const same = { ...policy, ...settings, levels: levels.slice(0, 2) }
      const { failureRate, consecutiveTimeouts, streakSignificance } = trip
      return { ...same, failureRate, consecutiveTimeouts, streakSignificance }
    })
    for (const policy of rest) expect(policy).toEqual(rest[0])
  })
})
