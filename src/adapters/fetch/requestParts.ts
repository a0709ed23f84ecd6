// Reads of a fetch's arguments what the service's kind wants to know, and makes arguments for another request of them. What
// the caller handed in stays as it was.
import { isObject } from '../../services/foreignValue.ts'
import type { CallRequest, RewrittenRequest, ServiceProfile } from '../../services/serviceProfile.ts'
import { readJsonBody } from './requestBody.ts'

export type FetchInput = string | URL | Request
/** What fetch is called with. */
export type FetchArguments = readonly [input: FetchInput, init: RequestInit | undefined]

/** A longer body is sent as it is, unread, in characters or bytes: parsing it would hold up everybody else. */
export const LARGEST_REQUEST = 8_388_608

/** The signal that ends the request: that of `init` stands in for the Request's own, and `null` there means none. */
export function signalOf(input: FetchInput, init: RequestInit | undefined): AbortSignal | undefined {
  const own = init?.signal
  if (own !== undefined) return own ?? undefined
  return isRequest(input) ? (input.signal ?? undefined) : undefined
}

/** The request as its kind reads it; undefined where it cannot be read. At once, but for a Request that has a JSON body. */
export function readRequest(
  profile: ServiceProfile,
  input: FetchInput,
  init: RequestInit | undefined,
): CallRequest | undefined | Promise<CallRequest | undefined> {
  const path = pathOf(input)
  if (path === undefined) return undefined
  const body = init?.body
  if (typeof body === 'string' || body instanceof Uint8Array) return asRead(profile, path, parseJson(body))
  if (body != null || !isRequest(input) || !hasJson(input)) return asRead(profile, path, undefined)
  return readJsonBody(input, signalOf(input, init), LARGEST_REQUEST).then((bytes) =>
    asRead(profile, path, bytes && parseJson(bytes)),
  )
}

export function urlOf(input: FetchInput): string {
  return isRequest(input) ? input.url : String(input)
}

export function methodOf(input: FetchInput, init: RequestInit | undefined): string {
  return init?.method ?? (isRequest(input) ? input.method : 'GET')
}

/** The arguments that send `change` in place of what `input` and `init` say, to `baseUrl` where there is one. */
export function rewritten(
  [input, init]: FetchArguments,
  change: RewrittenRequest | undefined,
  baseUrl: string | undefined,
): FetchArguments {
  const url = movedUrl(input, change?.path, baseUrl)
  const place = url === undefined ? input : isRequest(input) ? requestTo(url, input) : url
  if (change?.body === undefined) return [place, init]
  const text = JSON.stringify(change.body)
  const body = init?.body instanceof Uint8Array ? new TextEncoder().encode(text) : text
  const headers = withoutLength(init?.headers ?? (isRequest(input) ? input.headers : undefined))
  return [place, { ...init, body, ...(headers === undefined ? undefined : { headers }) }]
}

/** A Request of whatever fetch: they are not all instances of one class. */
function isRequest(input: FetchInput): input is Request {
  return (
    typeof input === 'object' && !(input instanceof URL) && isObject(input) && typeof Reflect.get(input, 'clone') === 'function'
  )
}

function hasJson({ headers, body }: Request): boolean {
  return body != null && /^application\/(?:[a-z0-9.+-]+\+)?json\b/i.test(headers.get('content-type') ?? '')
}

function asRead(profile: ServiceProfile, path: string, body: unknown): CallRequest | undefined {
  try {
    return profile.readRequest?.(path, body)
  } catch {
    // A profile of a user's own; what it cannot read goes out unread.
    return undefined
  }
}

function parseJson(body: string | Uint8Array): unknown {
  if (body.length > LARGEST_REQUEST) return undefined
  try {
    return JSON.parse(typeof body === 'string' ? body : new TextDecoder().decode(body))
  } catch {
    return undefined
  }
}

/** Addresses are few and asked at every call. */
const paths = new Map<string, string>()
const MOST_PATHS = 200
const LONGEST_KEPT = 500

function pathOf(input: FetchInput): string | undefined {
  const url = urlOf(input)
  const known = paths.get(url)
  if (known !== undefined) return known
  const path = parsedUrl(url)?.pathname
  if (path === undefined || url.length > LONGEST_KEPT) return path
  if (paths.size >= MOST_PATHS) paths.clear()
  paths.set(url, path)
  return path
}

function parsedUrl(url: string): URL | undefined {
  return URL.canParse(url) ? new URL(url) : undefined
}

function movedUrl(input: FetchInput, path: string | undefined, baseUrl: string | undefined): string | undefined {
  if (path === undefined && baseUrl === undefined) return undefined
  const url = parsedUrl(urlOf(input))
  if (url === undefined) return undefined
  const base = baseUrl === undefined ? undefined : new URL(baseUrl)
  if (path !== undefined) url.pathname = path
  if (base === undefined) return url.href
  const moved = new URL(base.origin)
  moved.pathname = base.pathname.replace(/\/+$/, '') + url.pathname
  moved.search = url.search
  return moved.href
}

/** A Request reads like the options of one. */
function requestTo(url: string, request: Request): Request {
  const RequestClass = request.constructor as typeof Request
  return new RequestClass(url, request as RequestInit)
}

/** `headers` without a content-length, which fetch works out by itself; the same ones where they name none. */
function withoutLength(headers: RequestInit['headers']): RequestInit['headers'] {
  if (headers == null) return undefined
  if (headers instanceof Headers && !headers.has('content-length')) return headers
  if (!(Symbol.iterator in headers)) {
    return Object.fromEntries(Object.entries(headers).filter(([name]) => !isLength(name))) as Record<string, string>
  }
  // Maps, and whatever else brings pairs, once only perhaps. What is no pair is left for fetch to find fault with.
  const pairs = Array.from(headers as Iterable<unknown>, (pair) =>
    typeof pair === 'object' && pair !== null && Symbol.iterator in pair ? Array.from(pair as Iterable<unknown>) : pair,
  )
  return pairs.filter((pair) => !Array.isArray(pair) || !isLength(pair[0])) as [string, string][]
}

function isLength(name: unknown): boolean {
  return typeof name === 'string' && name.toLowerCase() === 'content-length'
}
