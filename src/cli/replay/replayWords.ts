// The line a replay ends with, in the command and in the demo alike.
import type { ReplayResult } from '../../replay/replayer.ts'

/** `replay: identical (N inputs, M transitions, 0 differences)`. */
export function replayWords({ inputs, transitions, differences }: ReplayResult): string {
  const verdict = differences === 0 ? 'identical' : 'differs'
  return `replay: ${verdict} (${inputs} inputs, ${transitions} transitions, ${differences} differences)`
}
