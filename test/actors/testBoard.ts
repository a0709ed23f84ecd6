// A board in virtual time with a journal in memory, and what tests ask of it: what became of a promise, what was heard, and
// whether all that was journalled replays without a difference.
import { afterAll, afterEach, expect, onTestFinished } from 'vitest'
import { MemoryJournal } from '../../src/bus/memoryJournal.ts'
import type { ServiceInput } from '../../src/model/config.ts'
import type { GearEvent, GearEventType, JournalRecord } from '../../src/model/records.ts'
import { Replayer, type ReplayResult } from '../../src/replay/replayer.ts'
import { createSwitchgear, type Switchgear, type SwitchgearOptions } from '../../src/switchgear.ts'
import { VirtualClock } from '../../src/testing/index.ts'

export interface TestBoard<Services extends Record<string, ServiceInput>> {
  readonly gear: Switchgear<Services>
  readonly clock: VirtualClock
  readonly journal: MemoryJournal
  readonly heard: GearEvent[]
}

export async function testBoard<const Services extends Record<string, ServiceInput>>(
  services: Services,
  options: Partial<Omit<SwitchgearOptions<Services>, 'services' | 'journal' | 'clock'>> = {},
): Promise<TestBoard<Services>> {
  const clock = new VirtualClock()
  const journal = new MemoryJournal()
  const gear = await createSwitchgear<Services>({ seed: 7, ...options, services, journal, clock })
  onTestFinished(() => gear.close())
  const heard: GearEvent[] = []
  gear.events$.subscribe((event) => heard.push(event))
  return { gear, clock, journal, heard }
}

/** Replays records as they would come back from a file. */
export function replayed(records: readonly JournalRecord[]): ReplayResult {
  const replayer = new Replayer()
  for (const [index, record] of records.entries()) replayer.take(JSON.parse(JSON.stringify(record)), index + 1)
  return replayer.result()
}

export function ofType<Type extends GearEventType>(events: readonly JournalRecord[], type: Type) {
  return events.filter((event): event is Extract<GearEvent, { type: Type }> => event.type === type)
}

/** `from → to (reason)` of every transition. */
export function path(events: readonly JournalRecord[]): string[] {
  return ofType(events, 'transition').map(({ from, to, reason }) => `${from} → ${to} (${reason})`)
}

/** What a promise has come to so far. */
export function watch(promise: Promise<unknown>): { value?: unknown; error?: unknown; settled: boolean } {
  const seen: { value?: unknown; error?: unknown; settled: boolean } = { settled: false }
  promise.then(
    (value) => Object.assign(seen, { value, settled: true }),
    (error) => Object.assign(seen, { error, settled: true }),
  )
  return seen
}

export function httpError(status: number, headers: Record<string, string> = {}): Error {
  return Object.assign(new Error(`status ${status}`), { status, headers })
}

export function fails(error: unknown = new Error('down')): () => Promise<never> {
  return () => Promise.reject(error)
}

/** Lets promises settle. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** To be called once in a file: after none of its tests is a rejection left that nobody has handled. */
export function leavesNothingUnhandled(): void {
  const unhandled: unknown[] = []
  const onUnhandled = (reason: unknown) => unhandled.push(reason)
  process.on('unhandledRejection', onUnhandled)
  afterEach(async () => {
    await settle()
    expect(unhandled).toEqual([])
  })
  afterAll(() => void process.off('unhandledRejection', onUnhandled))
}

/** A promise to be settled from outside. */
export function open<T>(): { promise: Promise<T>; resolve: (value: T) => void; reject: (error: unknown) => void } {
  let resolve!: (value: T) => void
  let reject!: (error: unknown) => void
  const promise = new Promise<T>((onValue, onError) => {
    resolve = onValue
    reject = onError
  })
  return { promise, resolve, reject }
}
