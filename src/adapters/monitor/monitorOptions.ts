// What a service monitor may be told, and the checks of it.
import { ConfigError } from '../../model/errors.ts'
import type { MonitorFetch } from './monitorRequest.ts'

export interface MonitorOptions {
  /** The service's address, beneath which its kind's paths are asked for. */
  readonly url: string | URL
  /** Asked for in place of the paths of its kind; all it tells then is whether the service answers. */
  readonly path?: string | undefined
  /** From the beginning of one round to that of the next, ms; 30 000 if absent. */
  readonly intervalMs?: number | undefined
  /** The longest a request may take, ms; 5 000, or the interval if that is less. */
  readonly timeoutMs?: number | undefined
  /** Sent with every request; a LightRAG server wants `x-api-key` or `authorization`, never both. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** In place of the global one. */
  readonly fetch?: MonitorFetch | undefined
  /** What the service uses of its memory, bytes. */
  readonly memory?: (() => number | undefined | Promise<number | undefined>) | undefined
}

/** An empty path is the address itself; any other goes beneath it, in place of its query. */
export function address(url: string | URL, path: string): string {
  let base: URL
  try {
    base = new URL(url)
  } catch {
    throw new ConfigError('url', undefined, 'an absolute URL')
  }
  if (base.protocol !== 'http:' && base.protocol !== 'https:') throw new ConfigError('url', base.protocol, 'http: or https:')
  if (base.username !== '' || base.password !== '')
    throw new ConfigError('url', undefined, 'a URL without credentials: use headers')
  if (path === '') return base.href
  base.search = ''
  base.hash = ''
  base.pathname = `${base.pathname.replace(/\/+$/, '')}/${path.replace(/^\/+/, '')}`
  return base.href
}

/** A day, ms. */
const LONGEST = 86_400_000

export function duration(path: string, value: unknown): number {
  if (typeof value === 'number' && value >= 1 && value <= LONGEST) return value
  throw new ConfigError(path, value, `1 to ${LONGEST} ms`)
}
