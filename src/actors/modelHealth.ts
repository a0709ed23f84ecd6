// How well the models of one service are doing, by their own breakers, and which of a list to ask. Used by the guarded fetch
// and by whoever chooses a model by hand.
import { stateOf } from '../model/states.ts'
import type { Breaker } from './breaker.ts'
import type { KeyedBreakers } from './keyedBreakers.ts'
import { keyedName, keyOf } from './keyedName.ts'

/**
 * 0–1: 0 for a model whose breaker would refuse a call now, 1 for one that has had no trouble in its window. In between:
 * (successes + 1) / (calls + 1), so that a single failure of a single call is not the end of it; less up to half for slow
 * calls; times ¾, ½ or ¼ at degradation level 1, 2 or 3, and ¼ while half-open, when it is not yet known to be well.
 */
export function modelScore(breaker: Breaker): number {
  const at = Math.floor(breaker.clock.now())
  if (breaker.disposed || breaker.peek(at) !== undefined) return 0
  const { calls, failures, slow } = breaker.counts(at)
  const reliability = (calls - failures + 1) / (calls + 1)
  const slowness = calls === 0 ? 0 : slow / calls
  return reliability * (1 - slowness / 2) * confidenceIn(breaker)
}

/**
 * The one of `models` with the highest score, the first of equals; one that was never asked has 1. Undefined where every
 * breaker would refuse.
 */
export function healthiestModel(keyed: KeyedBreakers, models: readonly string[]): string | undefined {
  let best: string | undefined
  let highest = 0
  for (const model of models) {
    const key = modelKey(model)
    if (key === undefined) continue
    const breaker = keyed.peek(key)
    const score = breaker === undefined ? 1 : modelScore(breaker)
    if (score > highest) {
      best = model
      highest = score
    }
  }
  return best
}

/** Models looked at before it is given up to find one that is well. */
const MOST_LOOKED_AT = 50

/**
 * True where the failure of a call of `model` is the model's own: another is well (a call in its window has succeeded, it is not
 * open, and did not fail its last two calls), or one of `standIns` would admit a call and has had no failure.
 */
export function isWellOtherwise(keyed: KeyedBreakers, model: string, standIns: readonly string[] | undefined): boolean {
  const own = modelKey(model)
  const self = own === undefined ? undefined : keyed.peek(own)
  if (self === undefined) return false
  const at = Math.floor(self.clock.now())
  for (const name of standIns?.slice(0, MOST_LOOKED_AT) ?? []) {
    const key = modelKey(name)
    if (key === undefined || key === own) continue
    const breaker = keyed.peek(key)
    if (breaker === undefined || (breaker.peek(at) === undefined && breaker.counts(at).failures === 0)) return true
  }
  let left = MOST_LOOKED_AT
  // The latest used are the likeliest to have been asked of late, and stand last.
  let skipped = keyed.size - MOST_LOOKED_AT - 1
  for (const breaker of keyed) {
    if (skipped-- > 0 || breaker === self) continue
    if (left-- === 0) return false
    if (stateOf(breaker.path) === 'open') continue
    const { calls, failures } = breaker.counts(at)
    // All of an API's models fail together when it is down, and each but the first would be excused by the others' past.
    if (calls > failures && (failures === 0 || breaker.stats(at).consecutiveFailures < 2)) return true
  }
  return false
}

/** Names are few and asked for at every call; writing one as a key takes longer than a breaker's whole part in the call. */
const keys = new Map<string, string>()
const MOST_KEYS = 1000

/** The key of `model` among the breakers of a service's models; undefined for a name that is too long to have one. */
export function modelKey(model: string): string | undefined {
  const known = keys.get(model)
  if (known !== undefined) return known
  let key: string
  try {
    key = keyOf(keyedName('', model))
  } catch {
    return undefined
  }
  if (keys.size >= MOST_KEYS) keys.clear()
  keys.set(model, key)
  return key
}

function confidenceIn({ path, gate }: Breaker): number {
  if (stateOf(path) === 'halfOpen') return 0.25
  return 1 - gate.level / 4
}
