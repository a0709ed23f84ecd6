// What `switchgear serve` does: hangs up a board that makes no calls, as a node of the fleet that leads if it can, and tells what
// happens until it is asked to end; then it hands over.
import { newSession } from '../../bus/nats/session.ts'
import { fileJournals, linkOf, type NamedBus, named } from '../../fleetParts.ts'
import { loadConfig } from '../../loadConfig.ts'
import { systemClock } from '../../model/clock.ts'
import { type ConfigInput, parseConfig } from '../../model/config.ts'
import { ConfigError, JournalError } from '../../model/errors.ts'
import type { BusConfig } from '../../model/fleet/busConfig.ts'
import { isBusName, NAMES_ALLOWED } from '../../model/fleet/subjects.ts'
import { hangUp } from '../../switchgear.ts'
import { CommandFailure, inOneLine } from '../commandFailure.ts'
import { busConfigOf, type ConnectionFlags } from '../fleet/connectionFlags.ts'
import { interruption } from '../interruption.ts'
import { styleFor } from '../terminal/style.ts'
import { fleetNews, inWords } from './fleetNews.ts'

export interface ServeFlags extends ConnectionFlags {
  readonly config?: string
  readonly node?: string
  /** True: in the fleet's stream; a text: the directory of the files. */
  readonly journal?: boolean | string
  readonly json?: boolean
}

/** Was it said on the command line or in the environment? */
export type IsGiven = (flag: keyof ConnectionFlags) => boolean

const UNUSABLE = 2
/** The parts of the bus's configuration that flags set. */
const PARTS: readonly (readonly [flag: keyof ConnectionFlags, part: keyof BusConfig])[] = [
  ['server', 'servers'],
  ['fleet', 'fleet'],
  ['creds', 'credentials'],
  ['nkey', 'nkeySeed'],
  ['user', 'user'],
  ['passwordFile', 'password'],
  ['tokenFile', 'token'],
  ['tls', 'tls'],
  ['tlsCa', 'tls'],
  ['tlsCert', 'tls'],
  ['inboxPrefix', 'inboxPrefix'],
]

export async function runServe(flags: ServeFlags, isGiven: IsGiven, signal: AbortSignal = interruption()): Promise<void> {
  const { config, bus } = await settled(flags, isGiven)
  const session = newSession()
  const link = await linkOf(bus, systemClock, session)
  const journals = typeof flags.journal === 'string' ? fileJournals(flags.journal, bus, systemClock) : undefined
  const style = styleFor(process.stdout)
  const gear = await hangUp(config, { link, session, bus, journals }).catch(async (error: unknown) => {
    await link.close()
    throw unusable(error)
  })
  const stop = fleetNews(link, gear, (news) => console.log(flags.json ? JSON.stringify(news) : inWords(news, style)))
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
  await gear.close()
  stop()
  // To end it is what the signal asked for.
  process.exitCode = 0
}

async function settled(flags: ServeFlags, isGiven: IsGiven): Promise<{ config: ConfigInput; bus: NamedBus }> {
  const { node, journal } = flags
  if (node !== undefined && !isBusName(node)) {
    throw new CommandFailure(`--node: got ${JSON.stringify(node)}; allowed: ${NAMES_ALLOWED}`, UNUSABLE)
  }
  const told = busConfigOf(flags)
  try {
    const { bus: configured, ...config } = await loadConfig({ file: flags.config })
    const found = parseConfig(configured ? { ...config, bus: configured } : config).bus
    const given = Object.fromEntries(PARTS.flatMap(([flag, part]) => (isGiven(flag) ? [[part, told[part]]] : [])))
    const kept = journal === undefined ? {} : { journal: journal === true }
    const bus: BusConfig = { ...(found ? { ...found, ...given } : told), ...kept, lead: true }
    return { config, bus: named(node === undefined ? bus : { ...bus, node }) as NamedBus }
  } catch (error) {
    throw unusable(error)
  }
}

/** What is wrong with the configuration, or with a file that it names, in one line. */
function unusable(error: unknown): unknown {
  const told = error instanceof ConfigError || error instanceof JournalError || (error instanceof Error && 'syscall' in error)
  return told ? new CommandFailure(inOneLine(error), UNUSABLE, { cause: error }) : error
}
