// Tells a caller that ran out of patience from one that changed its mind: both abort the signal they handed in.
import type { BreakerPolicy } from '../../model/policy.ts'
import { classifyThrown } from '../../services/http/classifyThrown.ts'

/** Where the policy does not say what is slow, ms. */
const LONG = 30_000

/** True where the aborted `signal` says that its time ran out, as that of AbortSignal.timeout does. */
export function isTimeout(signal: AbortSignal): boolean {
  const said = classifyThrown(signal.reason, 0, { words: false })
  return said !== 'ignored' && said.type === 'timeout'
}

/** No answer after so long is a timeout, whatever an abort says: the official OpenAI client's own has no reason. In ms. */
export function longestWait({ trip }: BreakerPolicy): number {
  return trip.slowCallRate === false ? LONG : trip.slowCallRate.slowerThanMs
}
