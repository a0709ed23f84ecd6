// The kinds of incident, each told with its labels, and the quiet periods in which nothing is to be found.
import { type Incident, Stage } from './incident.ts'
import { burst, cascade, credential, network, systemWide } from './oneOffKinds.ts'
import { learnedCascade, pair, recurring } from './repeatedKinds.ts'

/** Every kind, by what it is about. */
export const INCIDENT_KINDS = [burst, cascade, learnedCascade, pair, recurring, network, credential, systemWide] as const

export function quiet(seed: number): Incident {
  const stage = new Stage('quiet', seed, 3600, 20)
  stage.connect(0.7)
  return stage.incident(stage.play(), { expected: [], permitted: [], together: [] })
}
