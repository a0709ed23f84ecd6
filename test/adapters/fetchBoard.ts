// One service on a board of its own, and a guarded fetch that is pointed at it.
import { onTestFinished } from 'vitest'
import { Board } from '../../src/actors/board.ts'
import type { Breaker } from '../../src/actors/breaker.ts'
import { KeyedBreakers } from '../../src/actors/keyedBreakers.ts'
import type { FetchBackend, FetchOptions, FetchTarget } from '../../src/adapters/fetch/fetchTarget.ts'
import { guardedFetch } from '../../src/adapters/fetch/guardedFetch.ts'
import { MemoryBus } from '../../src/bus/memoryBus.ts'
import { type Clock, systemClock } from '../../src/model/clock.ts'
import type { Kind } from '../../src/model/kinds.ts'
import { type PolicyInput, resolvePolicy } from '../../src/model/policy.ts'
import type { DecisionRecord, GearEvent, OutcomeRecord } from '../../src/model/records.ts'
import { resolveSettings, type SettingsInput } from '../../src/model/settings.ts'
import { profileFor } from '../../src/services/profiles.ts'
import type { ServiceProfile } from '../../src/services/serviceProfile.ts'

export interface FetchBoard {
  readonly breaker: Breaker
  readonly models: KeyedBreakers
  readonly heard: GearEvent[]
  fetch(options?: FetchOptions): typeof fetch
  readonly target: FetchTarget
  /** Of the service itself, without its models'. */
  readonly outcomes: OutcomeRecord[]
  readonly decisions: DecisionRecord[]
  /** Resolves when nothing is in flight any more. */
  idle(): Promise<void>
}

export interface FetchBoardOptions {
  readonly kind?: Kind
  readonly policy?: PolicyInput
  readonly settings?: SettingsInput
  readonly profile?: Partial<ServiceProfile>
  readonly clock?: Clock
  readonly perModel?: boolean
  readonly baseUrl?: string
  readonly ended?: FetchBackend['ended']
}

export function fetchBoard(options: FetchBoardOptions = {}): FetchBoard {
  const { kind = 'http', clock = systemClock, perModel = false, baseUrl } = options
  const settings = resolveSettings(kind, options.settings)
  const profile: ServiceProfile = { ...profileFor(kind, settings), ...options.profile }
  const bus = new MemoryBus()
  const heard: GearEvent[] = []
  bus.subscribe('*', (event) => heard.push(event))
  const board = new Board({ clock, bus, profileFor: () => profile, seed: 7, software: 'test' })
  const breaker = board.add('search', kind, resolvePolicy(kind, options.policy), board.now())
  const models = new KeyedBreakers(board, breaker)
  onTestFinished(() => board.stop())
  const target: FetchTarget = {
    name: 'search',
    origin: breaker,
    choose: () => ({ breaker, settings, models: perModel ? models : undefined, baseUrl, ended: options.ended }),
  }
  return {
    breaker,
    models,
    heard,
    target,
    fetch: (fetchOptions) => guardedFetch(target, fetchOptions),
    get outcomes() {
      return heard.filter((event) => event.type === 'outcome').filter(({ service }) => service === 'search')
    },
    get decisions() {
      return heard.filter((event) => event.type === 'decision')
    },
    async idle() {
      while (breaker.inFlight > 0) await new Promise((resolve) => setImmediate(resolve))
    },
  }
}
