// The services of the demo as they stand on the other side of the wire: three servers on loopback, and a cache in the process.
import type { Clock } from '../../model/clock.ts'
import type { OpenaiCondition } from './condition.ts'
import { type LightragUpstream, startLightragServer } from './lightragServer.ts'
import type { Upstream } from './loopbackServer.ts'
import { MemoryCache } from './memoryCache.ts'
import { startOpenaiServer } from './openaiServer.ts'
import { type PerplexityUpstream, startPerplexityServer } from './perplexityServer.ts'

export interface DemoUpstreams {
  readonly openai: Upstream<OpenaiCondition>
  readonly perplexity: PerplexityUpstream
  readonly lightrag: LightragUpstream
  readonly cache: MemoryCache
}

/** Each server is handed to `closing` as soon as it runs. */
export async function startUpstreams(
  clock: Clock,
  closing: <T extends { close(): Promise<void> }>(one: T) => T,
): Promise<DemoUpstreams> {
  return {
    openai: closing(await startOpenaiServer({ clock })),
    perplexity: closing(await startPerplexityServer({ clock })),
    lightrag: closing(await startLightragServer({ clock })),
    cache: new MemoryCache({ clock }),
  }
}
