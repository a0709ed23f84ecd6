// The subjects of the bus: built and read by one rule, so that permissions by subject hold.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  bucketName,
  isBusName,
  isBusService,
  journalStream,
  journalSubject,
  keyOfName,
  leaseWildcard,
  messageSubject,
  messageWildcard,
  nameOfKey,
  parseMessageSubject,
  parseTableSubject,
  rejectedSubject,
  serviceOf,
  tableSubject,
  tableWildcard,
} from '../../../src/model/fleet/subjects.ts'
import { WIRE_TYPES } from '../../../src/model/fleet/wire.ts'

const address = { fleet: 'default', type: 'outcome', service: 'openai', node: 'web-1' } as const

describe('names', () => {
  test.each(['a', 'openai', 'web-1', 'A_b-9', 'x'.repeat(64), '-', '_'])('%s can be on the bus', (name) => {
    expect(isBusName(name)).toBe(true)
    expect(isBusService(name)).toBe(true)
  })

  test.each(['', 'x'.repeat(65), 'a.b', 'a b', '*', '>', 'a\n', 'é', 'constructor', '__proto__', 'a/b', 7, undefined])(
    '%j cannot',
    (name) => {
      expect(isBusName(name)).toBe(false)
      const sent = { ...address, node: name as string }
      expect(() => messageSubject(sent)).toThrow(RangeError)
    },
  )

  test('the whole system travels as _all, and no service may be called so', () => {
    expect(messageSubject({ ...address, service: '*' })).toBe('sg.v1.default.outcome._all.web-1')
    expect(parseMessageSubject('sg.v1.default.outcome._all.web-1')?.service).toBe('*')
    expect(() => messageSubject({ ...address, service: '_all' })).toThrow('_all')
    expect([isBusService('*'), isBusService('_all'), serviceOf('_all'), serviceOf('*')]).toEqual([true, false, '*', undefined])
    expect(tableSubject('default', 'directives', '*')).toBe('sg.v1.default.directive._all')
  })
})

describe('subjects', () => {
  test('what is built is read again', () => {
    const name = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/).filter(isBusName)
    const service = fc.oneof(name.filter(isBusService), fc.constant('*'))
    const type = fc.constantFrom(...WIRE_TYPES)
    fc.assert(
      fc.property(fc.record({ fleet: name, type, service, node: name }), (one) => {
        expect(parseMessageSubject(messageSubject(one))).toEqual(one)
      }),
      { numRuns: 200 },
    )
  })

  test('anything else is no subject of a message, and is read without harm', () => {
    const good = messageSubject(address)
    for (const bad of [
      '',
      'sg.v1',
      'sg.v2.default.outcome.openai.web-1',
      `${good}.more`,
      `${good}.`,
      `x${good}`,
      'sg.v1.default.outcome.openai',
      'sg.v1.default.directive.openai.web-1',
      'sg.v1.default.Outcome.openai.web-1',
      'sg.v1.default.outcome.*.web-1',
      'sg.v1.default.outcome.>',
      'sg.v1.default.outcome..web-1',
      'sg.v1.__proto__.outcome.openai.web-1',
    ]) {
      expect(parseMessageSubject(bad), bad).toBeUndefined()
    }
    fc.assert(
      fc.property(fc.string(), (text) => {
        parseMessageSubject(text)
        parseTableSubject(text)
      }),
      { numRuns: 300 },
    )
  })

  test('wildcards narrow what is heard by what is known', () => {
    expect(messageWildcard('default')).toBe('sg.v1.default.*.*.*')
    expect(messageWildcard('default', { type: 'outcome' })).toBe('sg.v1.default.outcome.*.*')
    expect(messageWildcard('default', { service: '*', node: 'n' })).toBe('sg.v1.default.*._all.n')
    expect(() => messageWildcard('de fault')).toThrow('the fleet "de fault" cannot be on the bus')
  })

  test('tables are heard of by the keys of their buckets', () => {
    expect(tableSubject('a', 'directives', 'openai')).toBe('sg.v1.a.directive.openai')
    expect(tableSubject('a', 'nodes', 'web-1')).toBe('sg.v1.a.node.web-1')
    expect(tableSubject('a', 'ledger', 'web-1')).toBe('sg.v1.a.ledger.web-1')
    expect(tableWildcard('a', 'directives')).toBe('sg.v1.a.directive.>')
    expect(parseTableSubject('sg.v1.a.directive._all')).toEqual({ fleet: 'a', table: 'directives', key: '*' })
    expect(parseTableSubject('sg.v1.a.node.web-1')).toEqual({ fleet: 'a', table: 'nodes', key: 'web-1' })
    for (const bad of ['sg.v1.a.node._ all', 'sg.v1.a.node', 'sg.v1.a.node.b.c', 'sg.v1.a.outcome.b', 'sg.v1..node.b', 'x']) {
      expect(parseTableSubject(bad), bad).toBeUndefined()
    }
  })

  test('keys of tables are names of services or nodes, and back', () => {
    expect([keyOfName('directives', '*'), nameOfKey('directives', '_all')]).toEqual(['_all', '*'])
    expect([keyOfName('directives', 'a'), nameOfKey('directives', 'a')]).toEqual(['a', 'a'])
    expect([keyOfName('nodes', 'n'), nameOfKey('ledger', 'n')]).toEqual(['n', 'n'])
    expect([keyOfName('directives', '_all'), keyOfName('nodes', '*'), keyOfName('ledger', 'a.b')]).toEqual([
      undefined,
      undefined,
      undefined,
    ])
    expect([nameOfKey('nodes', '*'), nameOfKey('directives', 'a b'), nameOfKey('nodes', undefined)]).toEqual([
      undefined,
      undefined,
      undefined,
    ])
  })

  test('what the server keeps is named by the fleet', () => {
    expect(bucketName('a', 'directives')).toBe('sg_a_directives')
    expect(bucketName('a', 'lease')).toBe('sg_a_lease')
    expect([journalStream('a'), journalSubject('a'), journalSubject('a', 'n')]).toEqual([
      'sg_a_journal',
      'sg.v1.a.journal.*',
      'sg.v1.a.journal.n',
    ])
    expect(leaseWildcard('a')).toBe('sg.v1.a.lease.>')
    expect(rejectedSubject('a')).toBe('sg.v1.a.rejected')
    expect(parseMessageSubject(journalSubject('a', 'n'))).toBeUndefined()
  })
})
