import { describe, expect, test } from 'vitest'
import { resolveServicePolicy } from '../../src/model/config.ts'
import { isKind, kindDefaults, kindNames } from '../../src/model/kinds.ts'
import { resolveSettings } from '../../src/model/settings.ts'
import { type KindDefinition, profileFor, registerKind } from '../../src/services/profiles.ts'
import { createSwitchgear } from '../../src/switchgear.ts'
import { VirtualClock } from '../../src/testing/index.ts'

const AT = Date.UTC(2026, 0, 1)

test('a kind of one’s own starts from http', () => {
  const kind = registerKind({ name: 'plain' })
  expect(kind).toBe('plain')
  expect(isKind('plain')).toBe(true)
  expect(kindNames()).toContain('plain')
  expect(kindDefaults(kind)).toEqual(kindDefaults('http'))
  expect(profileFor(kind).kind).toBe('plain')
  expect(profileFor(kind).classifyResult?.(new Response('', { status: 503 }), AT)).toMatchObject({ type: 'service_unavailable' })
})

test('it starts from another kind’s defaults and profile where it says so', () => {
  const kind = registerKind({ name: 'graph-rag', like: 'lightrag' })
  expect(kindDefaults(kind)).toEqual(kindDefaults('lightrag'))
  expect(profileFor(kind).ladder).toBe(profileFor('lightrag').ladder)
  expect(profileFor(kind).monitoring?.paths).toEqual(profileFor('lightrag').monitoring?.paths)
})

test('its own defaults are laid over those, and a service’s policy over both', () => {
  const kind = registerKind({ name: 'slow-thing', like: 'lightrag', defaults: { failuresToTrip: 2, recoverySeconds: 7 } })
  const { policy } = resolveServicePolicy('x', kind, { recoveryTimeout: 9_000 }, {})
  expect(policy.trip.consecutiveFailures).toBe(2)
  expect(policy.recoveryTimeout).toBe(9_000)
  expect(kindDefaults(kind).slowCallSeconds).toBe(kindDefaults('lightrag').slowCallSeconds)
})

test('a default that is undefined hides none', () => {
  const defaults = { failuresToTrip: undefined } as unknown as NonNullable<KindDefinition['defaults']>
  expect(kindDefaults(registerKind({ name: 'holey', defaults })).failuresToTrip).toBe(kindDefaults('http').failuresToTrip)
})

test('its own knowledge is laid over the profile, made for each service by its settings', () => {
  const kind = registerKind({
    name: 'weather',
    profile: ({ qualityFloor }) => ({
      classifyError: () => ({ type: 'rate_limit' }),
      measure: () => ({ quality: qualityFloor === false ? 0 : qualityFloor }),
    }),
  })
  const profile = profileFor(kind, resolveSettings(kind, { qualityFloor: 0.4 }))
  expect(profile.classifyError(new Error('x'), AT)).toEqual({ type: 'rate_limit' })
  expect(profile.measure?.({})).toEqual({ quality: 0.4 })
  expect(profile.classifyResult?.(new Response('', { status: 500 }), AT)).toMatchObject({ type: 'http_error' })
})

test('a profile cannot give itself the name of another kind', () => {
  const profile = { kind: 'openai' } as unknown as NonNullable<KindDefinition['profile']>
  expect(profileFor(registerKind({ name: 'disguised', profile })).kind).toBe('disguised')
})

test('registering again replaces', () => {
  registerKind({ name: 'twice', defaults: { failuresToTrip: 2 } })
  const kind = registerKind({ name: 'twice', like: 'cache' })
  expect(kindDefaults(kind)).toEqual(kindDefaults('cache'))
  expect(profileFor(kind).classifyResult).toBeUndefined()
})

test('a service of it trips as it says', async () => {
  const kind = registerKind({ name: 'strict', like: 'custom', defaults: { failuresToTrip: 3 } })
  await using gear = await createSwitchgear({ services: { x: { kind } }, clock: new VirtualClock(), seed: 7 })
  for (let i = 0; i < 3; i++) {
    await expect(gear.execute('x', () => Promise.reject(Object.assign(new Error('x'), { code: 'ECONNRESET' })))).rejects.toThrow(
      'x',
    )
  }
  expect(gear.state('x')).toBe('open')
})

test('a kind that nobody registered is refused by a configuration', async () => {
  const services = { x: { kind: 'nobody' as 'custom' } }
  await expect(createSwitchgear({ services })).rejects.toThrow('services.x.kind')
})

describe('a definition', () => {
  test.each<[string, unknown, string]>([
    ['of a built-in name', { name: 'openai' }, 'name'],
    ['without a name', {}, 'name'],
    ['of an empty name', { name: '' }, 'name'],
    ['of a name with a dot', { name: 'a.b' }, 'name'],
    ['of a name too long', { name: 'x'.repeat(65) }, 'name'],
    ['of a name that is no text', { name: 7 }, 'name'],
    ['like nothing that there is', { name: 'x', like: 'weather' }, 'like'],
    ['with a default of 0 failures', { name: 'x', defaults: { failuresToTrip: 0 } }, 'defaults.failuresToTrip'],
    ['with half a failure', { name: 'x', defaults: { failuresToTrip: 1.5 } }, 'defaults.failuresToTrip'],
    ['with a default that is text', { name: 'x', defaults: { recoverySeconds: '7' } }, 'defaults.recoverySeconds'],
    ['with a default that is no number', { name: 'x', defaults: { slowCallSeconds: Number.NaN } }, 'defaults.slowCallSeconds'],
    ['with a window of a day', { name: 'x', defaults: { windowSeconds: 86_400 } }, 'defaults.windowSeconds'],
    ['with a level there is not', { name: 'x', defaults: { fallbackOnlyFrom: 4 } }, 'defaults.fallbackOnlyFrom'],
    ['with a floor above 1', { name: 'x', defaults: { qualityFloor: 2 } }, 'defaults.qualityFloor'],
    ['with a default there is not', { name: 'x', defaults: { failures: 2 } }, 'defaults.failures'],
  ])('%s is refused', (_, definition, path) => {
    expect(() => registerKind(definition as KindDefinition)).toThrow(
      expect.objectContaining({ code: 'ERR_SWITCHGEAR_CONFIG', path }),
    )
    expect(isKind('x')).toBe(false)
  })
})
