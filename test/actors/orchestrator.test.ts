// The orchestrator on a board: what operators and users tell it, rules of their own, emergencies, leases, and going on after a
// restart.
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { AnyActorRef } from 'xstate'
import type { ServiceInput } from '../../src/model/config.ts'
import { ClosedError, ConfigError } from '../../src/model/errors.ts'
import type { JournalRecord } from '../../src/model/records.ts'
import { replayJournal } from '../../src/replay/replayJournal.ts'
import { createSwitchgear } from '../../src/switchgear.ts'
import { VirtualClock } from '../../src/testing/index.ts'
import { temporaryDirectory } from '../bus/journalRecords.ts'
import { PLAIN, story } from '../scenarios/scenario.ts'
import { ofType, replayed, testBoard } from './testBoard.ts'

const who = { by: 'ann', why: 'a drill' }

describe('dependencies', () => {
  it('that go round in a circle are refused by name', async () => {
    const services = { a: { dependsOn: ['b'] }, b: { dependsOn: ['c'] }, c: { dependsOn: ['a'] } }
    const error = await createSwitchgear({ services }).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(ConfigError)
    expect(error).toMatchObject({ path: 'services.a.dependsOn', allowed: 'no cycle, but there is a → b → c → a' })
  })

  it.each([
    [{ a: { dependsOn: ['b'] } }, 'services.a.dependsOn.0', 'one of a'],
    [{ a: { dependsOn: ['a'] } }, 'services.a.dependsOn', 'no cycle, but there is a → a'],
    [{ a: { dependsOn: ['b', 'b'] }, b: {} }, 'services.a.dependsOn.1', 'a service that is not yet among them'],
  ])('%j are refused', async (services: Record<string, ServiceInput>, path, allowed) => {
    await expect(createSwitchgear({ services })).rejects.toMatchObject({ path, allowed })
  })
})

describe('a command for several services', () => {
  it('trips all, keys included, and recovers all but those in maintenance; who and why is journalled', async () => {
    const { gear, journal, replays } = await story({ a: PLAIN, b: PLAIN, c: PLAIN })
    gear.services.a.for('acme').admit().succeed()
    gear.command('b', { name: 'beginMaintenance', ...who })
    gear.command({ name: 'tripAll', ...who })
    expect([gear.state('a'), gear.services.a.for('acme').state, gear.state('b'), gear.state('c')]).toEqual([
      'open',
      'open',
      'maintenance',
      'open',
    ])
    gear.command({ name: 'recoverAll', ...who })
    expect([gear.state('a'), gear.services.a.for('acme').state, gear.state('b'), gear.state('c')]).toEqual([
      'closed',
      'closed',
      'maintenance',
      'closed',
    ])
    expect(ofType(journal.records, 'systemCommand').map(({ command }) => command)).toEqual([
      { name: 'tripAll', ...who },
      { name: 'recoverAll', ...who },
    ])
    replays()
  })

  it('is for those it names, and refused where it names one there is not', async () => {
    const { gear, clock, replays } = await story({ a: PLAIN, b: PLAIN })
    gear.command({ name: 'beginMaintenance', ...who, services: ['a'], until: clock.now() + 1000 })
    expect([gear.state('a'), gear.state('b')]).toEqual(['maintenance', 'closed'])
    clock.advance(1000)
    expect(gear.state('a')).toBe('halfOpen')
    gear.command({ name: 'beginMaintenance', ...who })
    gear.command({ name: 'endMaintenance', ...who, services: ['b'] })
    expect([gear.state('a'), gear.state('b')]).toEqual(['maintenance', 'halfOpen'])
    expect(() => gear.command({ name: 'tripAll', ...who, services: ['nobody'] })).toThrow('nobody')
    expect(() => gear.command({ name: 'explode', ...who } as never)).toThrow(ConfigError)
    replays()
    await gear.close()
    expect(() => gear.command({ name: 'tripAll', ...who })).toThrow(ClosedError)
  })
})

describe("a user's directive", () => {
  it('is one wish among those of the rules, and stands again when theirs are gone', async () => {
    const { gear, clock, answers, pass, happened, replays } = await story({
      a: { ...PLAIN, recoveryTimeout: 3000 },
      b: { ...PLAIN, dependsOn: ['a'] },
      c: PLAIN,
      d: PLAIN,
    })
    gear.direct('b', { epoch: 5, level: 2, expiresAt: clock.now() + 60_000, rule: 'night', reason: 'it is late' })
    answers('a', 503)
    pass(3)
    answers('a', 'well')
    pass(20)
    expect(happened().filter((line) => line.includes('b '))).toEqual([
      '0 b is asked level 2 (night: it is late)',
      '2.5 b is asked level 2 (dependency_chain_protection: depends on a)',
      '13 b is asked level 2 (night: it is late)',
    ])
    expect(gear.system.directives.b).toMatchObject({ rule: 'night', expiresAt: 60_000 })
    pass(40)
    expect(gear.state('b')).toBe('closed')
    replays()
  })

  it('that is older than the last one is passed over', async () => {
    const { gear, clock, answers, pass, replays } = await story({ a: PLAIN, b: { ...PLAIN, dependsOn: ['a'] }, c: PLAIN })
    answers('a', 503)
    pass(3)
    const { epoch } = gear.system
    expect(epoch).toBeGreaterThan(0)
    gear.direct('b', { epoch: epoch - 1, level: 3, expiresAt: clock.now() + 60_000, rule: 'late', reason: 'late' })
    expect(gear.services.b.path).toBe('degraded.level1')
    gear.direct('b', { epoch: epoch + 1, level: 3, expiresAt: clock.now() + 60_000, rule: 'now', reason: 'now' })
    expect(gear.services.b.path).toBe('degraded.level3')
    replays()
  })
})

describe('rules of the user', () => {
  it('in the configuration take hold and let go by their conditions', async () => {
    const { gear, answers, pass, replays } = await story(
      { a: PLAIN, b: PLAIN, c: PLAIN, d: PLAIN },
      {
        orchestrator: {
          ownRules: [{ name: 'spare_c', when: { down: 'a' }, then: { admit: 0.5, services: ['c'] }, hold: 0, clear: 0 }],
        },
      },
    )
    answers('a', 503)
    pass(3)
    expect(gear.system.directives).toMatchObject({ c: { admissionRatio: 0.5, rule: 'spare_c' } })
    answers('a', 'well')
    pass(20)
    expect(gear.system.directives).toEqual({})
    replays()
  })

  it('in code are asked once a second, and a replay knows their verdicts', async () => {
    const { gear, clock, journal, replays } = await story(
      { a: PLAIN, b: PLAIN },
      {
        rules: [
          {
            name: 'busy',
            when: ({ services }) => (services.a?.inFlight ?? 0) > 2,
            then: { degradeTo: 2, services: ['b'] },
            hold: 0,
            clear: 2000,
          },
        ],
      },
    )
    const permits = Array.from({ length: 3 }, () => gear.admit('a'))
    clock.advance(1000)
    expect(gear.services.b.path).toBe('degraded.level2')
    for (const permit of permits) permit.succeed()
    clock.advance(2000)
    expect(gear.services.b.path).toBe('degraded.level2')
    clock.advance(1000)
    expect(gear.services.b.path).toBe('closed.watching')
    const reviews = ofType(journal.records, 'review').length
    clock.advance(60_000)
    expect(ofType(journal.records, 'review')).toHaveLength(reviews)
    replays()
  })

  it('in code that throw are told of once, and count as not met', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    const { gear, clock } = await story(
      { a: PLAIN, b: PLAIN },
      {
        rules: [
          {
            name: 'poor',
            when: () => {
              throw new Error('a poor rule')
            },
            then: { degradeTo: 1 },
          },
        ],
      },
    )
    clock.advance(10_000)
    expect(gear.state('b')).toBe('closed')
    expect(warned).toHaveBeenCalledTimes(1)
    expect(String(warned.mock.calls[0]?.[0])).toContain('a poor rule')
    warned.mockRestore()
  })

  it.each([
    [{ name: 'emergency', when: () => true, then: { degradeTo: 1 } }, 'rules.0.name'],
    [{ name: 'x', when: 'yes', then: { degradeTo: 1 } }, 'rules.0.when'],
    [{ name: 'x', when: () => true, then: { degradeTo: 1, services: ['nobody'] } }, 'rules.0.then.services.0'],
    [{ name: 'x', when: () => true, then: { degradeTo: 1, services: ['constructor'] } }, 'rules.0.then.services.0'],
    [{ name: 'x', when: () => true, then: {} }, 'rules.0.then'],
    [{ name: 'X!', when: () => true, then: { degradeTo: 1 } }, 'rules.0.name'],
    [{ name: 'constructor', when: () => true, then: { degradeTo: 1 } }, 'rules.0.name'],
    [{ name: '__proto__', when: () => true, then: { degradeTo: 1 } }, 'rules.0.name'],
  ])('that cannot be used are refused: %j', async (rule, path) => {
    await expect(createSwitchgear({ services: { a: {} }, rules: [rule as never] })).rejects.toMatchObject({ path })
  })

  it.each([
    [{ name: 'released', when: { down: 'a' }, then: { degradeTo: 1 } }, 'orchestrator.ownRules.0.name'],
    [{ name: 'constructor', when: { down: 'a' }, then: { degradeTo: 1 } }, 'orchestrator.ownRules.0.name'],
    [{ name: '__proto__', when: { down: 'a' }, then: { degradeTo: 1 } }, 'orchestrator.ownRules.0.name'],
    [{ name: 'x', when: {}, then: { degradeTo: 1 } }, 'orchestrator.ownRules.0.when'],
    [{ name: 'x', when: { down: 'a' }, then: {} }, 'orchestrator.ownRules.0.then'],
    [{ name: 'x', when: { down: 'b' }, then: { degradeTo: 1 } }, 'orchestrator.ownRules.0.when.down'],
    [{ name: 'x', when: { down: 'a' }, then: { hold: true, services: ['b'] } }, 'orchestrator.ownRules.0.then.services.0'],
  ])('in the configuration that cannot be used are refused: %j', async (rule, path) => {
    await expect(createSwitchgear({ services: { a: {} }, orchestrator: { ownRules: [rule as never] } })).rejects.toMatchObject({
      path,
    })
  })

  it('say what is allowed, and what was meant', async () => {
    const services = { search: {}, mail: { dependsOn: ['saerch'] } }
    await expect(createSwitchgear({ services })).rejects.toThrow(
      'services.mail.dependsOn.0: got "saerch"; allowed: one of search, mail; did you mean "search"?',
    )
    const rules = [{ name: 'x', when: () => true, then: { degradeTo: 1, services: ['search', 'mial'] } }] as const
    await expect(createSwitchgear({ services: { search: {}, mail: {} }, rules: rules as never })).rejects.toThrow(
      'rules.0.then.services.1: got "mial"; allowed: one of search, mail; did you mean "mail"?',
    )
    await expect(
      createSwitchgear({ services: {}, orchestrator: { ownRules: [{ name: 'constructor', when: {}, then: {} }] } }),
    ).rejects.toThrow('no name objects have anyway, such as "constructor"')
  })

  it('keep pairs of thresholds in order: of one that is not given, the default makes room', async () => {
    const orchestrator = { healthReturn: 0.2, rules: { system_overload_protection: { clearRate: 0.6 } } }
    const { journal } = await testBoard({ a: {} }, { orchestrator })
    expect(journal.records[0]).toMatchObject({
      orchestrator: {
        config: {
          healthFloor: 0.2,
          healthReturn: 0.2,
          rules: { system_overload_protection: { errorRate: 0.6, clearRate: 0.6 } },
        },
      },
    })
  })
})

describe('a finding', () => {
  it('is heard in the second in which it is made, and so is its end, though nobody calls', async () => {
    const lasting = { ...PLAIN, trip: { consecutiveFailures: false, failureRate: false } } as const
    const { gear, clock, journal, heard } = await testBoard({ a: lasting, b: lasting, c: lasting })
    const all = ['a', 'b', 'c'] as const
    for (let second = 0; second < 300; second++) {
      for (const name of all) gear.admit(name).succeed()
      clock.advance(1000)
    }
    for (let i = 0; i < 60; i++) for (const name of all) gear.admit(name).fail(new Error('down'))
    for (let second = 0; second < 600; second++) {
      clock.advance(1000)
      expect(ofType(heard, 'finding')).toEqual(ofType(journal.records, 'finding'))
    }
    expect(ofType(heard, 'finding').map(({ over }) => over)).toEqual(expect.arrayContaining([false, true]))
    expect(gear.system.findings).toEqual([])
  })
})

describe('an emergency', () => {
  it('keeps what is left for critical services, and is looked at afresh after its time', async () => {
    const { gear, answers, pass, happened, replays } = await story(
      { a: { ...PLAIN, critical: true }, b: PLAIN, c: PLAIN, d: PLAIN, e: PLAIN, f: PLAIN, g: PLAIN, h: PLAIN },
      { orchestrator: { emergencyReview: 60_000, alertCooldown: 0, healthReturn: 0.9 } },
    )
    for (const name of ['b', 'c', 'd', 'e', 'f', 'g'] as const) gear.command(name, { name: 'trip', ...who })
    expect(gear.system.state).toBe('critical')
    answers('a', 503)
    pass(3)
    expect(gear.system.state).toBe('emergency')
    expect(gear.system.directives).toMatchObject({ h: { level: 2, rule: 'emergency' } })
    answers('a', 'well')
    pass(20)
    // Two of eight are well, and one of them counts twice: above the floor, and not enough to call it over.
    expect(gear.system).toMatchObject({ state: 'emergency' })
    expect(gear.system.health).toBeCloseTo(3 / 9)
    happened()
    pass(60)
    expect(happened({ alerts: true }).filter((line) => line.includes('system'))).toEqual([
      '63 system: emergency → critical',
      '63 error: the system is critical: 6 of 8 services open, health 0.33',
    ])
    replays()
  })
})

describe('recovery', () => {
  it('gives the place of a half-open service that nobody calls to another after its lease', async () => {
    const { gear, clock, answers, pass, replays } = await story(
      { a: PLAIN, b: PLAIN, c: PLAIN, d: PLAIN, e: PLAIN },
      { orchestrator: { maxConcurrentRecoveries: 1, recoveryLease: 20_000 } },
    )
    for (const name of ['a', 'b'] as const) answers(name, 503)
    pass(3)
    for (const name of ['a', 'b'] as const) answers(name, 'well')
    clock.advance(30_000)
    expect(gear.system).toMatchObject({ recovering: ['a'], waiting: ['b'] })
    clock.advance(10_000)
    expect(gear.system).toMatchObject({ recovering: ['a', 'b'], waiting: [] })
    pass(1)
    expect([gear.state('a'), gear.state('b')]).toEqual(['closed', 'closed'])
    pass(20)
    expect(gear.system).toMatchObject({ state: 'healthy', directives: {} })
    replays()
  })

  it('uncoordinated, lets everybody probe who is ready', async () => {
    const { gear, clock, answers, pass, replays } = await story(
      { a: PLAIN, b: { ...PLAIN, dependsOn: ['a'] }, c: PLAIN },
      { orchestrator: { maxConcurrentRecoveries: 1, rules: { recovery_coordination: { enabled: false } } } },
    )
    for (const name of ['a', 'b'] as const) answers(name, 503)
    pass(3)
    clock.advance(20_000)
    expect(gear.system).toMatchObject({ recovering: ['a', 'b'], waiting: [] })
    replays()
  })
})

it('goes on after a restart: what stood stands, who waited waits, and the journal of both sessions replays', async () => {
  const file = join(temporaryDirectory(), 'board.jsonl')
  const clock = new VirtualClock()
  const start = async () => {
    const services = {
      database: { ...PLAIN, recoveryTimeout: 60_000 },
      search: { ...PLAIN, dependsOn: ['database'] },
      mail: PLAIN,
    }
    const gear = await createSwitchgear({ services, journal: { file }, clock, seed: 3 })
    onTestFinished(() => gear.close())
    return gear
  }
  const first = await start()
  for (const name of ['database', 'search'] as const) {
    for (let i = 0; i < 3; i++) first.admit(name).fail(new Error('down'))
  }
  clock.advance(20_000)
  const { epoch, directives, roots } = first.system
  expect(first.system.waiting).toEqual(['search'])
  await first.close()

  clock.advance(5000)
  const second = await start()
  expect(second.system).toMatchObject({ roots, waiting: ['search'] })
  // What is to lapse soon is renewed at once.
  expect(second.system.epoch).toBe(epoch + 1)
  expect(Object.keys(second.system.directives)).toEqual(Object.keys(directives))
  clock.advance(45_000)
  expect(second.services.search.path).toBe('open.awaitingPermit')
  second.admit('database').succeed()
  second.admit('search').succeed()
  clock.advance(30_000)
  expect(second.system).toMatchObject({ state: 'healthy', directives: {}, waiting: [] })
  await second.close()
  const { first: difference, sessions } = await replayJournal(file)
  expect(difference).toBeUndefined()
  expect(sessions).toBe(2)
})

it('an orchestrator that is not in the header of a journal is none: who is ready to probe may, and nobody is asked anything', async () => {
  const { gear, clock, journal } = await story(
    { a: PLAIN, b: PLAIN },
    { orchestrator: { rules: { cascade_failure_prevention: { enabled: false } } } },
  )
  for (let i = 0; i < 3; i++) gear.admit('a').fail(new Error('down'))
  clock.advance(20_000)
  const old = journal.records.flatMap((record): JournalRecord[] => {
    if (record.type === 'header') {
      const { orchestrator: _, ...rest } = record
      return [rest]
    }
    if (record.type === 'system' || record.type === 'review' || (record.type === 'alert' && record.by === 'orchestrator'))
      return []
    return [record]
  })
  expect(ofType(old, 'transition').map(({ to }) => to)).toEqual(['open.cooling', 'open.awaitingPermit', 'halfOpen'])
  const { differences, first } = replayed(old)
  expect(first).toBeUndefined()
  expect(differences).toBe(0)
})

it('a difference in what the orchestrator does is found by a replay', async () => {
  const { journal, answers, pass } = await story({ a: PLAIN, b: { ...PLAIN, dependsOn: ['a'] }, c: PLAIN })
  answers('a', 503)
  pass(3)
  const altered = journal.records.map((record) =>
    record.type === 'directive' ? { ...record, directive: { ...record.directive, level: 3 as const } } : record,
  )
  expect(replayed(altered).first).toMatchObject({ service: 'b', what: 'the directive differs' })
})

it('switched off, it hears of that once, and not of each breaker: services and keys end with it', async () => {
  const sent: string[] = []
  const actors = new Set<AnyActorRef>()
  const { gear } = await testBoard(
    { a: PLAIN, b: PLAIN },
    {
      inspect: (event) => {
        actors.add(event.actorRef as AnyActorRef)
        if (event.type === '@xstate.event' && (event.actorRef as AnyActorRef).id === 'switchgear') sent.push(event.event.type)
      },
    },
  )
  for (const key of ['x', 'y']) gear.services.a.for(key).admit().succeed()
  sent.length = 0
  await gear.close()
  expect(sent).toEqual(['board.stopped'])
  const ids = [...actors].map(({ id }) => id)
  expect(ids).toEqual(expect.arrayContaining(['switchgear', 'a', 'b', 'a/x', 'a/y']))
  expect([...actors].filter((actor) => actor.getSnapshot().status === 'active')).toEqual([])
})
