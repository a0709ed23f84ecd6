// What may stand under `bus:` in a configuration, beyond what docs/configuration.md is held to.
import { describe, expect, test } from 'vitest'
import { parseConfig } from '../../../src/model/config.ts'

const SERVERS = 'nats://127.0.0.1:4222'

function busOf(bus: object, services: object = {}): ReturnType<typeof parseConfig>['bus'] {
  return parseConfig({ services, bus: { servers: SERVERS, ...bus } }).bus
}

describe('bus', () => {
  test('one who names no fleet is in the fleet called default', () => {
    expect(busOf({})).toMatchObject({ servers: [SERVERS], fleet: 'default', lead: true })
  })

  test.each(['', 'x'.repeat(65), 'a.b', 'a b', '*', '>', 'é', 'constructor', '__proto__'])(
    'neither a fleet nor a node can be called %j',
    (name) => {
      for (const key of ['fleet', 'node']) {
        const words = `bus.${key}: got ${JSON.stringify(name)}; allowed: 1 to 64 letters, digits, _ and -, and no name objects have`
        expect(() => busOf({ [key]: name })).toThrow(words)
      }
    },
  )

  test('no service and no route can have the name that is the whole system on the bus; without a bus they can', () => {
    const services = { _all: {}, search: {} }
    expect(() => busOf({}, services)).toThrow(
      'services._all: got an object; allowed: another name with bus, where _all is the whole system',
    )
    const routes = { _all: { backends: [{ service: 'search' }] } }
    expect(() => parseConfig({ services: { search: {} }, routes, bus: { servers: SERVERS } })).toThrow('routes._all: ')
    expect(Object.keys(parseConfig({ services }).services)).toEqual(['_all', 'search'])
  })

  test.each(['host:99999', 'nats://host:x', '[::1', 'nats://:4222', 'http://host'])(
    'a server cannot be at %j, and the address is not repeated',
    (address) => {
      const act = (): unknown => busOf({ servers: [SERVERS, address] })
      expect(act).toThrow('bus.servers')
      expect(act).not.toThrow(address)
    },
  )

  test.each(['host', 'host:4222', '10.0.0.1:4222', '[::1]:4222', 'tls://host', 'nats://[::1]'])('one can be at %j', (address) => {
    expect(busOf({ servers: address })?.servers).toEqual([address])
  })
})
