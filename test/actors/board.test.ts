// What a board does with a journal or a bus of the user's own that throws: nobody's call is the worse for it.
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { MemoryBus } from '../../src/bus/memoryBus.ts'
import { MemoryJournal } from '../../src/bus/memoryJournal.ts'
import type { GearEvent } from '../../src/model/records.ts'
import { createSwitchgear } from '../../src/switchgear.ts'
import { VirtualClock } from '../../src/testing/index.ts'
import { fails, leavesNothingUnhandled, open, settle, watch } from './testBoard.ts'

const search = { kind: 'http', trip: { consecutiveFailures: 3 }, degrade: false } as const

leavesNothingUnhandled()

/** Process warnings, instead of letting them be printed. */
function warnings() {
  const spy = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
  onTestFinished(() => spy.mockRestore())
  return spy
}

class FullJournal extends MemoryJournal {
  override append(): void {
    throw new Error('no room')
  }
}

class DeafBus extends MemoryBus {
  override publish(): void {
    throw new Error('the line is dead')
  }
}

class UnsureBus extends MemoryBus {
  override wants(): boolean {
    throw new Error('the line is dead')
  }
}

const broken = [
  ['a journal that takes nothing', () => ({ journal: new FullJournal() }), ['the journal threw', 'no room']],
  ['a bus that takes nothing', () => ({ bus: new DeafBus() }), ['the bus threw', 'the line is dead']],
  ['a bus that cannot say what it wants', () => ({ bus: new UnsureBus() }), ['the bus threw', 'the line is dead']],
] as const

describe.each(broken)('with %s', (_, make, words) => {
  async function board() {
    const warned = warnings()
    const clock = new VirtualClock()
    const gear = await createSwitchgear({ services: { search }, clock, ...make() })
    onTestFinished(() => gear.close())
    gear.events$.subscribe()
    return { gear, clock, warned }
  }

  it.each([
    ['plainly', undefined],
    ['with a timeout', { timeout: 1000 }],
  ])('a call made %s ends as it would without', async (_, options) => {
    const { gear } = await board()
    const answer = open<string>()
    const later = gear.execute('search', () => answer.promise, options)
    await expect(gear.execute('search', () => 'at once', options)).resolves.toBe('at once')
    const error = new Error('down')
    await expect(gear.execute('search', fails(error), options)).rejects.toBe(error)
    answer.resolve('later')
    await expect(later).resolves.toBe('later')
    expect(gear.services.search.stats).toMatchObject({ successes: 2, failures: 1, inFlight: 0 })
  })

  it('a call runs into its timeout as it would without, and leaves no timer', async () => {
    const { gear, clock } = await board()
    const call = watch(gear.execute('search', () => new Promise(() => undefined), { timeout: 50 }))
    await clock.advanceAsync(50)
    await settle()
    expect(call.error).toMatchObject({ name: 'CallTimeoutError' })
    expect(clock.pending).toBe(0)
  })

  it('the breaker opens, refuses, probes and closes as it would without', async () => {
    const { gear, clock } = await board()
    for (let i = 0; i < 3; i++) await gear.execute('search', fails()).catch(() => undefined)
    expect(gear.state('search')).toBe('open')
    await expect(gear.execute('search', () => 1, { fallback: () => 2 })).resolves.toBe(2)
    clock.runTo(gear.services.search.until ?? 0)
    for (let i = 0; i < gear.services.search.policy.successesToClose; i++) await gear.execute('search', () => 1)
    expect(gear.state('search')).toBe('closed')
  })

  it('the process is warned once, in words', async () => {
    const { gear, warned } = await board()
    for (let i = 0; i < 5; i++) await gear.execute('search', fails()).catch(() => undefined)
    expect(warned).toHaveBeenCalledOnce()
    for (const some of words) expect(warned.mock.calls[0]?.[0]).toContain(some)
  })
})

it('with a journal and a bus that take nothing, the process is warned once of each', async () => {
  const warned = warnings()
  const gear = await createSwitchgear({
    services: { search },
    clock: new VirtualClock(),
    journal: new FullJournal(),
    bus: new DeafBus(),
  })
  onTestFinished(() => gear.close())
  gear.events$.subscribe()
  for (let i = 0; i < 5; i++) await gear.execute('search', fails()).catch(() => undefined)
  expect(warned.mock.calls.map(([text]) => String(text).split(';')[0])).toEqual(['the journal threw', 'the bus threw'])
})

it('with a bus that throws at one event, the others are heard', async () => {
  warnings()
  class PickyBus extends MemoryBus {
    override publish(event: GearEvent): void {
      if (event.type === 'outcome') throw new Error('not that')
      super.publish(event)
    }
  }
  const gear = await createSwitchgear({ services: { search }, clock: new VirtualClock(), journal: false, bus: new PickyBus() })
  onTestFinished(() => gear.close())
  const heard: string[] = []
  gear.events$.subscribe(({ type }) => heard.push(type))
  for (let i = 0; i < 3; i++) await gear.execute('search', fails()).catch(() => undefined)
  expect(heard).toEqual(['transition', 'alert'])
})
