// The breakers whose cost is measured, set up alike: they count every call and never trip by themselves where calls are mixed
// half and half, and stay open once opened.
import { ConsecutiveBreaker, CountBreaker, circuitBreaker, handleAll, type IBreaker, SamplingBreaker } from 'cockatiel'
import CircuitBreaker from 'opossum'
import { createSwitchgear, type GearEvent, type Journal, MemoryBus } from 'switchgear'

/** The function that is protected: what every call runs. */
export type Work = () => Promise<number>

export interface HotContender {
  readonly name: string
  /** One call through a closed breaker. */
  readonly call: (work: Work) => Promise<number>
  /** One call that is refused; undefined for the bare call. */
  readonly refused: ((work: Work) => Promise<number>) | undefined
  /** Makes one more breaker of the kind, for measuring its memory, and keeps it. */
  readonly grow: ((count: number) => Promise<unknown>) | undefined
}

/** A rate above that of half-and-half calls. */
const NEVER = 0.9
/** As good as for ever, within what Node's timers can hold, ms. */
const FOR_EVER = 2_000_000_000

const broken = async (): Promise<number> => {
  throw new Error('broken')
}

export async function hotContenders(): Promise<HotContender[]> {
  return [
    { name: 'bare call', call: async (work) => work(), refused: undefined, grow: undefined },
    await switchgear('switchgear', false),
    await switchgear('switchgear, journal and listener on', true),
    await cockatiel('cockatiel consecutive', () => new ConsecutiveBreaker(5)),
    await cockatiel('cockatiel sampling', () => new SamplingBreaker({ threshold: NEVER, duration: 30_000, minimumRps: 5 })),
    await cockatiel('cockatiel count', () => new CountBreaker({ threshold: NEVER, size: 100 })),
    await opossum(),
  ]
}

const policy = {
  trip: { failureRate: { threshold: NEVER }, consecutiveFailures: 5 },
  degrade: false,
  recoveryTimeout: FOR_EVER,
  recoveryJitter: { from: 1, to: 1 },
  maxRecoveryTimeout: FOR_EVER,
} as const

async function switchgear(name: string, everythingOn: boolean): Promise<HotContender> {
  const closed = await board({ search: { kind: 'custom', ...policy } }, everythingOn)
  const open = await board({ search: { kind: 'custom', ...policy } }, everythingOn)
  const { search } = closed.services
  const { search: shut } = open.services
  await failing(5, () => shut.execute(broken))
  return {
    name,
    call: (work) => search.execute(work),
    refused: (work) => shut.execute(work),
    grow: everythingOn
      ? undefined
      : async (count) => {
          const names = Array.from({ length: count }, (_, i) => [`service-${i}`, { kind: 'custom' as const }] as const)
          return createSwitchgear({ services: Object.fromEntries(names) })
        },
  }
}

async function board(services: { readonly search: { readonly kind: 'custom' } & typeof policy }, everythingOn: boolean) {
  if (!everythingOn) return createSwitchgear({ services })
  const bus = new MemoryBus()
  let heard = 0
  bus.subscribe('*', () => heard++)
  return createSwitchgear({ services, bus, journal: new SerialisingJournal() })
}

/** What a journal costs a call is to write its line; the disk is not part of it. At once, so that every call pays its own. */
class SerialisingJournal implements Journal {
  bytes = 0

  async open(): Promise<void> {}

  append(record: GearEvent): void {
    this.bytes += JSON.stringify(record).length
  }

  async flush(): Promise<void> {}
  async close(): Promise<void> {}
}

async function cockatiel(name: string, rule: () => IBreaker): Promise<HotContender> {
  const make = () => circuitBreaker(handleAll, { halfOpenAfter: FOR_EVER, breaker: rule() })
  const closed = make()
  const open = circuitBreaker(handleAll, { halfOpenAfter: FOR_EVER, breaker: new ConsecutiveBreaker(5) })
  await failing(5, () => open.execute(broken))
  return {
    name,
    call: (work) => closed.execute(work),
    refused: (work) => open.execute(work),
    grow: async (count) => Array.from({ length: count }, make),
  }
}

/**
 * Without its timeout, as the others have none, and without its percentiles: with them each failure sorts the latencies of a
 * whole window, which at the call rates of a benchmark takes milliseconds and says little of real ones.
 */
async function opossum(): Promise<HotContender> {
  const options = {
    timeout: false,
    errorThresholdPercentage: 100 * NEVER,
    resetTimeout: FOR_EVER,
    volumeThreshold: 5,
    rollingPercentilesEnabled: false,
  } as const
  const run = (work: Work) => work()
  const closed = new CircuitBreaker(run, { ...options })
  const open = new CircuitBreaker(run, { ...options })
  open.open()
  return {
    name: 'opossum',
    call: (work) => closed.fire(work),
    refused: (work) => open.fire(work),
    grow: async (count) => Array.from({ length: count }, () => new CircuitBreaker(run, { ...options })),
  }
}

async function failing(times: number, call: () => Promise<unknown>): Promise<void> {
  for (let i = 0; i < times; i++) await call().catch(() => undefined)
}
