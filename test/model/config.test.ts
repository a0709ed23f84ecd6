// What a configuration may be, and what is said of one that cannot be used.

import { inspect } from 'node:util'
import fc from 'fast-check'
import { describe, expect, expectTypeOf, test } from 'vitest'
import { type ConfigInput, parseConfig, resolveServicePolicy } from '../../src/model/config.ts'
import { ConfigError } from '../../src/model/errors.ts'
import { mergeConfig } from '../../src/model/mergeConfig.ts'
import { resolvePolicy } from '../../src/model/policy.ts'
import { resolveSettings } from '../../src/model/settings.ts'

const KEY = 'a1'.repeat(32)

function errorOf(attempt: () => unknown): ConfigError {
  try {
    attempt()
  } catch (error) {
    if (error instanceof ConfigError) return error
    throw error
  }
  throw new Error('nothing was refused')
}

const refusal = (input: unknown, source?: string): ConfigError => errorOf(() => parseConfig(input, source))
/** The refusal of one service's settings. */
const refusalOf = (service: object): ConfigError => refusal({ services: { search: service } })

describe('a configuration', () => {
  test('is resolved with the defaults of each kind', () => {
    const config = parseConfig({ services: { search: { kind: 'http', recoveryTimeout: 30_000 }, jobs: {} }, seed: -7 })
    expect(Object.keys(config.services)).toEqual(['search', 'jobs'])
    expect(config.services.search).toEqual({
      kind: 'http',
      input: { recoveryTimeout: 30_000 },
      policy: resolvePolicy('http', { recoveryTimeout: 30_000 }),
      settings: resolveSettings('http'),
    })
    expect(config.services.jobs).toMatchObject({ kind: 'custom', policy: resolvePolicy('custom') })
    expect(config).toMatchObject({ journal: undefined, seed: -7 })
  })

  test('may have no services yet, and has none by names that objects have anyway', () => {
    const { services } = parseConfig({ services: {} })
    expect(Object.keys(services)).toEqual([])
    expect(services.constructor).toBeUndefined()
  })

  test('may leave values undefined', () => {
    const { services } = parseConfig({
      services: { search: { recoveryTimeout: undefined } },
      journal: undefined,
      seed: undefined,
    })
    expect(services.search?.policy).toEqual(resolvePolicy('custom'))
  })

  test.each([
    [false, undefined],
    ['a.jsonl', { file: 'a.jsonl' }],
    [{ file: 'a.jsonl' }, { file: 'a.jsonl' }],
    [
      { file: 'a.jsonl', maxBytes: 1e6, keep: 3, fsync: true, flushMs: 0 },
      { file: 'a.jsonl', maxBytes: 1e6, keep: 3, fsync: true, flushMs: 0 },
    ],
  ])('takes %j for a journal', (journal, resolved) => {
    expect(parseConfig({ services: {}, journal }).journal).toEqual(resolved)
  })

  test('may be frozen and told by the compiler to be constant', () => {
    const config = {
      services: { search: { window: { type: 'count', size: 10 }, levels: [{}, {}, { admit: 'fallback-only' }] } },
    } as const satisfies ConfigInput
    expectTypeOf(config).toExtend<ConfigInput>()
    expect(parseConfig(Object.freeze(config)).services.search?.policy.window).toEqual({ type: 'count', size: 10 })
  })

  test('is not changed by being parsed', () => {
    const config = { services: { search: { levels: [{}, {}, {}] } } }
    parseConfig(config)
    expect(config).toEqual({ services: { search: { levels: [{}, {}, {}] } } })
  })
})

describe('a refusal tells where, what stands there and what is allowed', () => {
  const duration = 'a number of ms above 0 and at most 2592000000'

  test.each<[object, string, unknown, string]>([
    [{ recoveryTimeout: '30s' }, 'recoveryTimeout', '30s', duration],
    [{ recoveryTimeout: 0 }, 'recoveryTimeout', 0, duration],
    [{ recoveryTimeout: Number.NaN }, 'recoveryTimeout', Number.NaN, duration],
    [{ recoveryTimeout: Number.POSITIVE_INFINITY }, 'recoveryTimeout', Number.POSITIVE_INFINITY, duration],
    [{ timeout: null }, 'timeout', null, duration],
    [{ rampDuration: -1 }, 'rampDuration', -1, 'a number of ms from 0 to 86400000'],
    [{ maxProbes: 1.5 }, 'maxProbes', 1.5, 'a whole number from 1 to 1000'],
    [{ adaptiveRecovery: 'yes' }, 'adaptiveRecovery', 'yes', 'true or false'],
    [{ trip: { consecutiveFailures: true } }, 'trip.consecutiveFailures', true, 'a whole number from 1 to 1000000, or false'],
    [{ trip: { failureRate: { threshold: 0 } } }, 'trip.failureRate.threshold', 0, 'a number above 0 and at most 1'],
    [{ trip: { failureRate: 0.5 } }, 'trip.failureRate', 0.5, 'an object with keys threshold, minimumCalls, or false'],
    [{ window: { type: 'hour' } }, 'window.type', 'hour', '"time", or "count"'],
    [{ window: { type: 'time' } }, 'window.seconds', undefined, 'a whole number from 1 to 3600'],
    [{ levels: [{}, {}] }, 'levels', undefined, 'a list of 3 entries'],
    [{ levels: [{}, {}, { admit: 'none' }] }, 'levels.2.admit', 'none', 'one of "all", "fallback-only"'],
    [{ degrade: true }, 'degrade', true, 'an object with keys consecutiveFailures, failureRate, p95Ratio, or false'],
    [{ recoveryJitter: { from: 1.1, to: 1.2 } }, 'recoveryJitter.from', 1.1, 'a number above 0 and at most 1'],
  ])('%j', (service, path, value, allowed) => {
    expect(refusalOf(service)).toMatchObject({ code: 'ERR_SWITCHGEAR_CONFIG', path: `services.search.${path}`, value, allowed })
  })

  test.each([
    [undefined, '', 'an object with keys services, routes, budgets, orchestrator, journal, bus, log, seed'],
    [[], '', 'an object with keys services, routes, budgets, orchestrator, journal, bus, log, seed'],
    [{}, 'services', 'an object of services by name'],
    [{ services: [] }, 'services', 'an object of services by name'],
    [{ services: { a: 5 } }, 'services.a', expect.stringContaining('an object with keys kind, trip')],
    [{ services: {}, seed: 2 ** 31 }, 'seed', 'a whole number from -2147483648 to 2147483647'],
    [{ services: {}, journal: true }, 'journal', expect.stringMatching(/^false, or the name of a file, or an object with keys/)],
    [{ services: {}, journal: '' }, 'journal', expect.anything()],
    [{ services: {}, journal: { keep: 1 } }, 'journal.file', 'the name of a file'],
    [{ services: {}, journal: { file: 'a', maxBytes: 5 } }, 'journal.maxBytes', 'a whole number from 65536 to 1099511627776'],
  ])('%j', (input, path, allowed) => {
    expect(refusal(input)).toMatchObject({ path, allowed })
  })

  test('in one line, with the source first where it is given', () => {
    const message = `services.search.timeout: got "2s"; allowed: ${duration}`
    expect(refusalOf({ timeout: '2s' }).message).toBe(message)
    expect(refusal({ services: { search: { timeout: '2s' } } }, 'gear.yaml').message).toBe(`gear.yaml: ${message}`)
  })

  test('of several problems the first in its fields and all in its message', () => {
    const error = refusalOf({ kind: 'opnai', timeout: '2s', maxProbes: 0 })
    expect(error.path).toBe('services.search.kind')
    expect(error.message.split('\n')).toEqual([
      '3 problems in the configuration',
      expect.stringMatching(/^ {2}- services\.search\.kind: got "opnai"; .*did you mean "openai"\?$/),
      expect.stringContaining('services.search.maxProbes: got 0'),
      expect.stringContaining('services.search.timeout: got "2s"'),
    ])
  })

  test('and stays short when everything is wrong', () => {
    const names = Array.from({ length: 5000 }, (_, index) => [`unknown${index}`, 1])
    const { message } = refusalOf(Object.fromEntries([...names, ['x'.repeat(10_000), 1]]))
    expect(message).toMatch(/^more than 20 problems/)
    expect(message.split('\n')).toHaveLength(21)
    expect(message.length).toBeLessThan(20_000)
  })
})

describe('an unknown key is refused', () => {
  test.each([
    [{ recoveryTimout: 5 }, 'recoveryTimout', 'recoveryTimeout'],
    [{ recovery_timeout: 5 }, 'recovery_timeout', 'recoveryTimeout'],
    [{ trip: { failurRate: false } }, 'trip.failurRate', 'failureRate'],
    [{ trip: { slowCallRate: { slowerThan: 5 } } }, 'trip.slowCallRate.slowerThan', 'slowerThanMs'],
    [{ failureRate: {} }, 'failureRate', 'trip.failureRate'],
    [{ kin: 'http' }, 'kin', 'kind'],
  ])('with what was meant: %j', (service, path, meant) => {
    const error = refusalOf(service)
    expect(error.path).toBe(`services.search.${path}`)
    expect(error.message).toContain(`unknown key; did you mean ${meant}?`)
  })

  test('with the keys there are', () => {
    expect(refusal({ services: {}, banana: 1 })).toMatchObject({
      path: 'banana',
      allowed: 'the keys services, routes, budgets, orchestrator, journal, bus, log, seed',
    })
    expect(refusalOf({ dependsUpon: ['other'] }).allowed).toMatch(/^the keys kind, trip, window, .*maxKeys, .*recoveryPriority$/)
  })

  test('even when its value is undefined', () => {
    expect(refusalOf({ recoveryTimout: undefined }).path).toBe('services.search.recoveryTimout')
  })
})

describe('the name of a service', () => {
  test.each(['search', 'openai-east', 'OpenAI_2', 'x'.repeat(64)])('may be %s', (name) => {
    expect(Object.keys(parseConfig({ services: { [name]: {} } }).services)).toEqual([name])
  })

  test.each(['', 'a.b', 'a b', 'a>', '*', 'é', 'x'.repeat(65), 'constructor', 'toString', 'a\n'])('may not be %j', (name) => {
    const error = refusal({ services: { [name]: {} } })
    expect(error.allowed).toMatch(/^1 to 64 letters, digits, _ and - /)
    expect(error.path).toMatch(/^services\./)
  })

  test('may not be __proto__, nor may any other key', () => {
    for (const text of [
      '{"services":{"__proto__":{"timeout":5}}}',
      '{"services":{},"__proto__":{}}',
      '{"services":{"a":{"trip":{"__proto__":1}}}}',
    ]) {
      expect(refusal(JSON.parse(text)).path).toMatch(/__proto__$/)
    }
    expect(Object.hasOwn(Object.prototype, 'timeout')).toBe(false)
  })
})

describe('values that contradict each other are refused', () => {
  test.each([
    [{ maxProbes: 2, successesToClose: 3 }, 'successesToClose', 3, 'at most maxProbes, which is 2'],
    [{ recoveryTimeout: 20, maxRecoveryTimeout: 19 }, 'maxRecoveryTimeout', 19, 'at least recoveryTimeout, which is 20 ms'],
    [{ probeTimeout: 9, halfOpenTimeout: 8 }, 'probeTimeout', 9, 'at most halfOpenTimeout, which is 8 ms'],
  ])('%j', (service, key, value, allowed) => {
    expect(refusalOf(service)).toMatchObject({ path: `services.search.${key}`, value, allowed })
  })

  test.each([
    { maxProbes: 3, successesToClose: 3 },
    { recoveryTimeout: 20, maxRecoveryTimeout: 20 },
    { probeTimeout: 8, halfOpenTimeout: 8 },
  ])('and at the border they do not: %j', (service) => {
    expect(parseConfig({ services: { search: service } }).services.search?.policy).toMatchObject(service)
  })
})

describe('the key of the journal', () => {
  test('is revealed only when asked for', () => {
    const config = parseConfig({ services: {}, journal: { file: 'a.jsonl', key: KEY } })
    expect(config.journal?.key?.reveal()).toBe(KEY)
    const printed = [inspect(config, { depth: 9, showHidden: true }), JSON.stringify(config), `${config.journal?.key}`]
    for (const text of printed) expect(text).not.toContain(KEY.slice(0, 8))
  })

  test.each([KEY, Buffer.alloc(32, 7).toString('base64'), 'A'.repeat(43)])('may be 32 bytes in hex or base64: %s', (key) => {
    expect(parseConfig({ services: {}, journal: { file: 'a', key } }).journal?.key?.reveal()).toBe(key)
  })

  test.each([
    { file: 'a.jsonl', key: 'hunter2' },
    { file: 'a.jsonl', key: ['hunter2'] },
    { file: 'a.jsonl', kee: 'hunter2' },
    [{ key: 'hunter2' }],
    { file: { key: 'hunter2' } },
    { file: 'a.jsonl', key: 'hunter2', keep: 0 },
  ])('is in no error: %j', (journal) => {
    const error = refusal({ services: {}, journal, hunger: 'hunter2' })
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('hunter2')
    expect(error.message).toContain('journal')
  })
})

describe('a change at run time', () => {
  const before = {
    trip: { failureRate: { threshold: 0.3 }, consecutiveFailures: 7 },
    timeout: 500,
    window: { type: 'count', size: 9 },
  } as const

  test('is laid over what the user gave before, and the rest stays', () => {
    const change = { trip: { failureRate: { minimumCalls: 5 } }, degrade: false, timeout: undefined }
    const { input, policy } = resolveServicePolicy('search', 'openai', before, change)
    expect(input).toEqual({
      ...before,
      trip: { failureRate: { threshold: 0.3, minimumCalls: 5 }, consecutiveFailures: 7 },
      degrade: false,
    })
    expect(policy).toEqual(resolvePolicy('openai', input))
  })

  test('can switch a rule off, and on again', () => {
    const off = resolveServicePolicy('search', 'http', before, { trip: { failureRate: false } })
    expect(off.policy.trip.failureRate).toBe(false)
    const on = resolveServicePolicy('search', 'http', off.input, { trip: { failureRate: { threshold: 0.9 } } })
    expect(on.policy.trip.failureRate).toEqual({ threshold: 0.9, minimumCalls: 20 })
  })

  test('of the type of window replaces the window', () => {
    const { policy } = resolveServicePolicy('search', 'http', before, { window: { type: 'time', seconds: 5 } })
    expect(policy.window).toEqual({ type: 'time', seconds: 5 })
  })

  test.each<[unknown, string]>([
    [{ timout: 5 }, 'services.search.timout'],
    [{ trip: { consecutiveFailures: 0 } }, 'services.search.trip.consecutiveFailures'],
    [5, 'services.search'],
    [{ kind: 'openai' }, 'services.search.kind'],
    [JSON.parse('{"__proto__": {}}'), 'services.search.__proto__'],
    [{ recoveryTimeout: 1000, maxRecoveryTimeout: 10 }, 'services.search.maxRecoveryTimeout'],
  ])('is refused as a configuration is: %j', (change, path) => {
    const error = errorOf(() => resolveServicePolicy('search', 'http', before, change))
    expect(error.path).toBe(path)
    expect(error.message).toMatch(new RegExp(`^${path.replaceAll('.', '\\.')}: `))
  })

  test('is refused when it contradicts what was given before', () => {
    const error = errorOf(() => resolveServicePolicy('search', 'http', { maxProbes: 2 }, { successesToClose: 3 }))
    expect(error.path).toBe('services.search.successesToClose')
  })
})

describe('merging', () => {
  test('lets the later layer win, key by key, and changes none', () => {
    const file = { services: { a: { kind: 'http', trip: { consecutiveFailures: 4, failureRate: false } } }, seed: 1 }
    const code = { services: { a: { trip: { consecutiveFailures: 9 } }, b: {} }, seed: undefined }
    expect(mergeConfig(file, undefined, code)).toEqual({
      services: { a: { kind: 'http', trip: { consecutiveFailures: 9, failureRate: false } }, b: {} },
      seed: 1,
    })
    expect(file.services.a.trip.consecutiveFailures).toBe(4)
  })

  test('keeps the key of a journal whose file a later layer names', () => {
    expect(mergeConfig({ journal: { file: 'a', key: KEY } }, { journal: 'b' }).journal).toEqual({ file: 'b', key: KEY })
    expect(mergeConfig({ journal: 'a' }, { journal: { key: KEY } }).journal).toEqual({ file: 'a', key: KEY })
    expect(mergeConfig({ journal: 'a' }, { journal: false }).journal).toBe(false)
  })

  test('pollutes no prototype, and leaves the attempt to be refused', () => {
    const merged = mergeConfig(
      { services: {} },
      JSON.parse('{"__proto__": {"polluted": 1}, "services": {"__proto__": {"polluted": 1}}}'),
    )
    expect(({} as Record<string, unknown>).polluted).toBeUndefined()
    expect(() => parseConfig(merged)).toThrow(ConfigError)
  })
})

describe('whatever comes in', () => {
  const outcome = (input: unknown): 'resolved' | 'refused' => {
    try {
      parseConfig(input)
      return 'resolved'
    } catch (error) {
      if (error instanceof ConfigError && error.message.length < 50_000) return 'refused'
      throw error
    }
  }
  const key = fc.constantFrom(...Object.keys(resolvePolicy('http')), 'kind', '__proto__', 'constructor', 'x')
  const value = fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.constantFrom(false, true, null, 1, 0.5, 100, 'time', 'http', {}, []))
  const rule = fc.dictionary(fc.constantFrom('threshold', 'minimumCalls', 'type', 'seconds', 'from', 'to', 'failureRate'), value)
  const service = fc.dictionary(key, fc.oneof(value, rule))
  const config = fc.record(
    { services: fc.oneof(value, fc.dictionary(fc.oneof(fc.string(), fc.constant('a')), service)), journal: value, seed: value },
    { requiredKeys: [] },
  )

  test('any JSON value is resolved or refused by a ConfigError, and nothing else', () => {
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue({ maxDepth: 2 }), config), (input) => outcome(input) !== undefined),
      { numRuns: 500 },
    )
  }, 30_000)

  test('any value at all is, too', () => {
    fc.assert(
      fc.property(fc.anything({ withBigInt: true, withNullPrototype: true, withSparseArray: true }), (some) =>
        [some, { services: some }, { services: { a: some } }, { services: {}, journal: some }].every(outcome),
      ),
      { numRuns: 200 },
    )
  }, 30_000)

  test('so are cycles and great depths', () => {
    const cyclic: Record<string, unknown> = {}
    cyclic.services = cyclic
    let deep: unknown = 1
    for (let depth = 0; depth < 100_000; depth++) deep = { services: deep }
    expect([cyclic, deep, { services: { a: { trip: deep } } }].map(outcome)).toEqual(['refused', 'refused', 'refused'])
  })
})

describe('settings of a service', () => {
  test('are told apart from its policy, and start from what its kind has', () => {
    const { search } = parseConfig({ services: { search: { kind: 'lightrag', idleTimeout: 5000, timeout: 100 } } }).services
    expect(search?.settings).toEqual({ ...resolveSettings('lightrag'), idleTimeout: 5000 })
    expect(search?.settings).toMatchObject({ qualityFloor: 0.6, memoryLimit: 8 * 1024 ** 3, hitRateFloor: false, fallback: [] })
    expect(search?.input).toEqual({ timeout: 100 })
    expect(resolveSettings('cache')).toMatchObject({ hitRateFloor: 0.3, memoryLimit: 4 * 1024 ** 3 })
  })

  test('hold prices that are dollars and nothing else', () => {
    const problem = refusalOf({ prices: { 'gpt-x': { input: -1 } } })
    expect(problem).toMatchObject({ path: 'services.search.prices.gpt-x.input', value: -1 })
  })
})

describe('routes', () => {
  const services = { east: {}, west: {} }

  test('have a strategy and backends with weights', () => {
    const { api } = parseConfig({
      services,
      routes: { api: { backends: [{ service: 'east', weight: 2 }, { service: 'west' }] } },
    }).routes
    expect(api).toEqual({
      strategy: 'round-robin',
      backends: [
        { service: 'east', weight: 2, cost: 1, baseUrl: undefined },
        { service: 'west', weight: 1, cost: 1, baseUrl: undefined },
      ],
    })
  })

  test.each([
    ['api', [{ service: 'north' }], 'routes.api.backends.0.service', 'one of east, west'],
    [
      'api',
      [{ service: 'east' }, { service: 'east' }],
      'routes.api.backends.1.service',
      'a service that is not yet among the backends',
    ],
    ['east', [{ service: 'west' }], 'routes.east', 'a name that no service has'],
    ['api', [], 'routes.api.backends', 'a list of 1 to 64 backends'],
    ['api', [{ service: 'east', weight: -1 }], 'routes.api.backends.0.weight', 'a number from 0 to 1000000'],
    ['api', [{ service: 'east', baseUrl: 'ftp://x' }], 'routes.api.backends.0.baseUrl', 'an http or https address'],
  ])('are refused as %s to %j', (name, backends, path, allowed) => {
    expect(refusal({ services, routes: { [name]: { backends } } })).toMatchObject({ path, allowed })
  })
})

describe('budgets', () => {
  const services = { openai: {} }
  const rule = { id: 'mine', type: 'absolute_daily', threshold: 5, action: 'block' }

  test('bring the default rules along, of which a rule with the same name takes the place', () => {
    const { budgets } = parseConfig({ services, budgets: { daily: 10, rules: [{ ...rule, id: 'daily_throttle' }] } })
    expect(budgets?.rules.map(({ id, limit, action }) => [id, limit, action])).toEqual([
      ['daily_throttle', 5, 'block'],
      ['daily_block', 10, 'block'],
      ['costly_operation', 1, 'alert_only'],
    ])
    expect(budgets?.timeZone).toBe('UTC')
  })

  test('are throttled at 95% of a month and blocked at all of it', () => {
    const { budgets } = parseConfig({ services, budgets: { monthly: 100, timeZone: 'Europe/Berlin' } })
    expect(budgets?.rules.map(({ id, limit, throttleFactor }) => [id, limit, throttleFactor])).toEqual([
      ['monthly_throttle', 95, 0.3],
      ['monthly_block', 100, 0.5],
      ['costly_operation', 1, 0.5],
    ])
  })

  test('are none where there is no rule', () => {
    expect(parseConfig({ services, budgets: {} }).budgets).toBeUndefined()
    expect(parseConfig({ services, budgets: { daily: 1, defaultRules: false } }).budgets).toBeUndefined()
  })

  test.each([
    [{ rules: [rule, rule] }, 'budgets.rules.1.id', 'a name that no other rule has'],
    [
      { rules: [{ ...rule, type: 'percentage_daily', threshold: 0.5 }] },
      'budgets.rules.0.type',
      'percentage_daily only with budgets.daily, which it is a share of',
    ],
    [
      { rules: [{ ...rule, type: 'percentage_monthly', threshold: 0.5 }] },
      'budgets.rules.0.type',
      'percentage_monthly only with budgets.monthly, which it is a share of',
    ],
    [
      { daily: 1, rules: [{ ...rule, type: 'percentage_daily', threshold: 90 }] },
      'budgets.rules.0.threshold',
      'a share of the budget, above 0 and at most 1',
    ],
    [{ rules: [{ ...rule, scope: { services: ['opnai'] } }] }, 'budgets.rules.0.scope.services.0', 'one of openai'],
    [{ timeZone: 'Mars/Olympus' }, 'budgets.timeZone', 'an IANA time zone, such as "Europe/Berlin"'],
    [{ daily: -1 }, 'budgets.daily', 'a number of dollars above 0 and at most 1000000000'],
  ])('are refused as %j', (budgets, path, allowed) => {
    expect(refusal({ services, budgets })).toMatchObject({ path, allowed })
  })
})
