// The profile of a cache: Redis through any client, or whatever else keeps values. What it hands back is never judged, as a
// stored 503 is a value like any other; its errors are, and its ladder says how a cache is asked for less.
import { assessWindow } from '../assessWindow.ts'
import { classifyThrown } from '../http/classifyThrown.ts'
import type { Ladder, ServiceProfile } from '../serviceProfile.ts'
import { classifyRedisError } from './redisErrors.ts'

export function cacheProfile(): ServiceProfile {
  return {
    kind: 'cache',
    classifyError: (error, at) => classifyRedisError(error) ?? classifyThrown(error, at, { words: false }),
    assess: assessWindow,
    ladder: LADDER,
  }
}

/**
 * The overrides, which the cache wrapper applies:
 * `ttlFactor` (0–1) shortens what is written; `evictEagerly` lets nothing be written to last, and halves the room of a Map;
 * `criticalOnly` writes only critical keys; `minimal` reads only those, and removes the others that were written.
 */
const LADDER: Ladder = [
  {
    level: 1,
    overrides: { ttlFactor: 0.5, evictEagerly: true },
    expected: { performanceImpact: 0.05, costSaved: 0.3 },
  },
  {
    level: 2,
    overrides: { ttlFactor: 0.5, evictEagerly: true, criticalOnly: true },
    expected: { performanceImpact: 0.15, costSaved: 0.6 },
  },
  {
    level: 3,
    overrides: { ttlFactor: 0.1, evictEagerly: true, criticalOnly: true, minimal: true },
    expected: { performanceImpact: 0.4, costSaved: 0.8 },
  },
]
