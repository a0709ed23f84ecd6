// What Switchgear knows about one kind of service: how to tell its failures from its callers' mistakes, and which signals it
// sends along. The breaker asks; a profile is pure, reads no clock, never throws, and never consumes a body.
import type { Classification } from '../model/failures.ts'
import type { Kind } from '../model/policy.ts'
import type { Signal } from '../model/signals.ts'
import type { WindowStats } from '../model/stats.ts'

export interface ServiceProfile {
  readonly kind: Kind
  /** What a thrown error says of the service. `at`, epoch ms, is what dates in headers are measured from. */
  classifyError(error: unknown, at: number): Classification
  /** What a returned value says; undefined: success. Absent where every value is a success, so that the hot path skips it. */
  classifyResult?(value: unknown, at: number): Classification | undefined
  /** Signals found in a returned value or a thrown error; mostly none. Absent where there never are any. */
  readSignals?(from: unknown, at: number): readonly Signal[]
  /** Is the service well apart from what tripped? Asked only by a policy with `degradeBeforeOpen`. */
  assess(stats: WindowStats): HealthVerdict
}

export type HealthVerdict = 'healthy' | 'sick'
