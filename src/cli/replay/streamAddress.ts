// Where the journal of a fleet is: `nats://host:port/fleet?node=a&from=2026-11-01T12:00:00Z&to=...`.
import { isBusName, NAMES_ALLOWED } from '../../model/fleet/subjects.ts'
import { CommandFailure } from '../commandFailure.ts'

export interface StreamAddress {
  /** As the client is told it: `nats://host:port`. */
  readonly server: string
  readonly fleet: string
  /** Absent: every node, each by itself. */
  readonly node?: string
  /** Epoch ms. */
  readonly from?: number
  readonly to?: number
}

const UNUSABLE = 2
const KNOWN: ReadonlySet<string> = new Set(['node', 'from', 'to'])

/** Throws a CommandFailure that says what is allowed. */
export function streamAddress(text: string): StreamAddress {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const fleet = url?.pathname.slice(1).replace(/\/$/, '')
  if (url === undefined || url.host === '' || url.username !== '' || url.password !== '' || !isBusName(fleet)) {
    throw unusable(`${hidden(text)}: allowed: nats://host:port/fleet?node=...&from=...&to=..., and who we are by flags`)
  }
  for (const name of url.searchParams.keys()) {
    if (!KNOWN.has(name)) throw unusable(`${text}: ${JSON.stringify(name)}; allowed: ${[...KNOWN].join(', ')}`)
  }
  const node = url.searchParams.get('node')
  if (node !== null && !isBusName(node)) throw unusable(`${text}: node: got ${JSON.stringify(node)}; allowed: ${NAMES_ALLOWED}`)
  const from = timeOf(url, 'from')
  const to = timeOf(url, 'to')
  return {
    server: `${url.protocol}//${url.host}`,
    fleet,
    ...(node === null ? undefined : { node }),
    ...(from === undefined ? undefined : { from }),
    ...(to === undefined ? undefined : { to }),
  }
}

function timeOf(url: URL, name: 'from' | 'to'): number | undefined {
  const text = url.searchParams.get(name)
  if (text === null) return undefined
  const time = /^\d+$/.test(text) ? Number(text) : Date.parse(text)
  if (Number.isFinite(time) && time >= 0 && time <= 8.64e15) return time
  throw unusable(`${name}: got ${JSON.stringify(text)}; allowed: a time as 2026-11-01T12:00:00Z, or ms since 1970`)
}

/** Without what may be a password. */
function hidden(text: string): string {
  return text.replace(/\/\/[^/@]*@/, '//…@').slice(0, 200)
}

function unusable(message: string): CommandFailure {
  return new CommandFailure(message, UNUSABLE)
}
