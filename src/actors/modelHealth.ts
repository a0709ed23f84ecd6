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
