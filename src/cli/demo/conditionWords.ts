// What an upstream is doing now, in few words.
import type { Condition } from './condition.ts'

export function conditionWords(condition: Condition): string {
  switch (condition.kind) {
    case 'healthy':
      return 'well'
    case 'slow':
      return `slow, +${condition.ms} ms`
    case 'rateLimited':
      return `429, come back in ${condition.retryAfterSeconds.toFixed(1)} s`
    case 'outage':
      return `down, ${condition.status}`
    case 'hang':
      return 'silent'
    case 'quotaExhausted':
      return 'quota gone'
    case 'poor':
      return 'answers lack sources'
    case 'indexLost':
      return 'index lost'
    case 'unreachable':
      return 'unreachable'
    case 'full':
      return 'memory nearly full'
  }
}
