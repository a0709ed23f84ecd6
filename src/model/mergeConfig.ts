// Lays configurations over one another: file, environment, object given in code, each stronger than the one before.
import type { ConfigInput } from './config.ts'
import { isPlain, mergeLayers } from './mergeLayers.ts'

/** The layers as one configuration; a later layer wins. Nothing is checked here, and no layer is changed. */
export function mergeConfig(...layers: readonly unknown[]): ConfigInput {
  const merged = layers.map(withJournalAsObject).reduce(mergeLayers, { services: {} })
  return merged as ConfigInput
}

/** A journal named in a stronger layer must not lose the encryption key that a weaker one set for it. */
function withJournalAsObject(layer: unknown): unknown {
  return isPlain(layer) && typeof layer.journal === 'string' ? { ...layer, journal: { file: layer.journal } } : layer
}
