import { describe, expect, it, onTestFinished } from 'vitest'
import type { Listener } from '../../src/bus/bus.ts'
import { MemoryBus } from '../../src/bus/memoryBus.ts'
import { MemoryJournal } from '../../src/bus/memoryJournal.ts'
import type { GearEvent } from '../../src/model/records.ts'
import { header, numbered, numbersOf } from './journalRecords.ts'

const timer: GearEvent = { type: 'timer', at: 1, service: 'search', id: 'cooled' }

describe('the memory bus', () => {
  it('hands an event at once to those who listen for its type and to those who listen for all', () => {
    const bus = new MemoryBus()
    const heard: string[] = []
    bus.subscribe('timer', (event) => heard.push(`timers: ${event.type}`))
    bus.subscribe('*', (event) => heard.push(`all: ${event.type}`))
    bus.publish(timer)
    bus.publish(numbered(1))
    expect(heard).toEqual(['timers: timer', 'all: timer', 'all: outcome'])
  })

  it('says for which types someone listens, and no longer once they have stopped', () => {
    const bus = new MemoryBus()
    expect(bus.wants('timer')).toBe(false)
    const stop = bus.subscribe('timer', () => undefined)
    expect([bus.wants('timer'), bus.wants('outcome')]).toEqual([true, false])
    const stopAll = bus.subscribe('*', () => undefined)
    expect(bus.wants('outcome')).toBe(true)
    stopAll()
    stop()
    stop()
    expect([bus.wants('timer'), bus.wants('outcome')]).toEqual([false, false])
  })

  it('lets one function listen twice and stop once', () => {
    const bus = new MemoryBus()
    let heard = 0
    const listener = () => void heard++
    const stop = bus.subscribe('timer', listener)
    bus.subscribe('timer', listener)
    bus.publish(timer)
    stop()
    stop()
    bus.publish(timer)
    expect(heard).toBe(3)
  })

  it('goes on to the other listeners when one throws, and tells the owner', () => {
    const errors: unknown[] = []
    const bus = new MemoryBus({ onListenerError: (error, event) => errors.push([error, event]) })
    const heard: GearEvent[] = []
    bus.subscribe('timer', () => {
      throw 'no'
    })
    bus.subscribe('timer', (event) => void heard.push(event))
    bus.publish(timer)
    expect(heard).toEqual([timer])
    expect(errors).toEqual([['no', timer]])
  })

  it('warns once of a listener that keeps throwing, and of an onListenerError that throws', async () => {
    const warnings: Error[] = []
    const onWarning = (warning: Error) => void (warning.name === 'SwitchgearWarning' && warnings.push(warning))
    process.on('warning', onWarning)
    onTestFinished(() => void process.off('warning', onWarning))
    const bad: Listener = () => {
      throw new Error('listener is broken')
    }
    const plain = new MemoryBus()
    plain.subscribe('timer', bad)
    plain.publish(timer)
    plain.publish(timer)
    const strict = new MemoryBus({
      onListenerError: (error) => {
        throw error
      },
    })
    strict.subscribe('timer', bad)
    strict.publish(timer)
    await new Promise(setImmediate)
    expect(warnings.map(({ message }) => message)).toEqual([
      expect.stringContaining('a listener for timer threw'),
      expect.stringContaining('listener is broken'),
    ])
  })

  it('bears listeners that come and go while an event is handed out', () => {
    const bus = new MemoryBus()
    const heard: string[] = []
    const stopFirst = bus.subscribe('timer', () => {
      heard.push('first')
      stopFirst()
      stopSecond()
      bus.subscribe('timer', () => heard.push('newcomer'))
    })
    const stopSecond = bus.subscribe('timer', () => heard.push('second'))
    bus.subscribe('timer', () => heard.push('third'))
    bus.publish(timer)
    expect(heard).toEqual(['first', 'third'])
    bus.publish(timer)
    expect(heard).toEqual(['first', 'third', 'third', 'newcomer'])
  })

  it('lets go of everyone when it is closed', async () => {
    const bus = new MemoryBus()
    let heard = 0
    const stop = bus.subscribe('*', () => void heard++)
    bus.subscribe('timer', () => void heard++)
    await bus.close()
    bus.subscribe('timer', () => void heard++)()
    stop()
    bus.publish(timer)
    expect(heard).toBe(0)
    expect(bus.wants('timer')).toBe(false)
  })
})

describe('the memory journal', () => {
  it('keeps the header and what was appended between open and close', async () => {
    const journal = new MemoryJournal()
    journal.append(numbered(0))
    await journal.open(header)
    journal.append(numbered(1))
    await journal.flush()
    await journal.close()
    journal.append(numbered(2))
    expect(journal.records).toEqual([header('start'), numbered(1)])
    await expect(journal.open(header)).rejects.toThrow(/opened before/)
  })

  it('drops and counts what comes over its bound', async () => {
    const journal = new MemoryJournal({ maxRecords: 3 })
    await journal.open(header)
    for (let number = 1; number <= 5; number++) journal.append(numbered(number))
    expect(numbersOf(journal.records)).toEqual([1, 2])
    expect(journal.dropped).toBe(3)
  })
})
