// A connection to a fleet's server for as long as a command runs: there within five seconds or not at all, and what the server
// refuses is kept for the command to tell.
import {
  AuthorizationError,
  type ConnectionOptions,
  connect,
  type NatsConnection,
  PermissionViolationError,
  type Status,
} from '@nats-io/transport-node'
import { connectionOptions } from '../../bus/nats/connectionOptions.ts'
import { Due, within } from '../../bus/nats/due.ts'
import { firstToAnswer } from '../../bus/nats/firstToAnswer.ts'
import { systemClock } from '../../model/clock.ts'
import type { BusConfig } from '../../model/fleet/busConfig.ts'
import { CommandFailure, inOneLine } from '../commandFailure.ts'
import { INTERRUPTED } from '../interruption.ts'

/** The answer is no: we may not. */
export const REFUSED = 1
/** It could not be done as asked. */
export const UNREACHABLE = 2
/** How long a server may take to answer, ms. */
export const PATIENCE = 5000
/** After so long somebody who waits is told for what, ms. */
const TELL_AFTER = 2000

export interface Bus {
  readonly client: NatsConnection
  /** Where it is, without who we are. */
  readonly server: string
  /** What the server has refused so far: publishing to a subject, subscribing to it. */
  readonly refused: readonly string[]
  /** Resolves when the server has all that was sent; throws a CommandFailure when that takes too long, or it refused something. */
  confirm(): Promise<void>
  close(): Promise<void>
}

export interface OpenOptions {
  /** What the server shows of us. */
  readonly name: string
  /** Go on when the connection is lost, until it is there again. */
  readonly persistent?: boolean
  readonly onStatus?: (status: Status) => void
  /** How long the server may take to answer, ms. */
  readonly patience?: number
  /** Ends the dialling. */
  readonly signal?: AbortSignal | undefined
}

export async function openBus(config: BusConfig, options: OpenOptions): Promise<Bus> {
  const { name, persistent = false, onStatus, patience = PATIENCE, signal = new AbortController().signal } = options
  const server = config.servers.join(',')
  const waiting = new Due(() => console.error(`switchgear: waiting for ${server}`))
  systemClock.arm(waiting, systemClock.now() + TELL_AFTER)
  const client = await dial(
    config,
    server,
    { ...optionsOf(config, name), timeout: patience, reconnect: persistent },
    signal,
  ).finally(() => systemClock.disarm(waiting))
  const refused: string[] = []
  void (async () => {
    for await (const status of client.status()) {
      if (status.type === 'error' && status.error instanceof PermissionViolationError) {
        const { operation, subject } = status.error
        refused.push(`to ${operation === 'publish' ? 'publish' : 'subscribe'} to ${subject}`)
      }
      onStatus?.(status)
    }
  })()
  return {
    client,
    server,
    refused,
    confirm: async () => {
      if (!(await within(systemClock, patience, client.flush()))) throw lost(server)
      // What the server refused has come before its answer, and is told in the next turn.
      await new Promise((resolve) => setImmediate(resolve))
      if (refused.length > 0) throw new CommandFailure(`${server} does not allow us ${refused.join(', nor ')}`, REFUSED)
    },
    close: () => client.close(),
  }
}

function lost(server: string): CommandFailure {
  return new CommandFailure(`${server} does not answer: whether it has what was sent is not known`, UNREACHABLE)
}

function optionsOf(config: BusConfig, name: string): ConnectionOptions {
  try {
    return connectionOptions(config, name)
  } catch (error) {
    throw new CommandFailure(inOneLine(error), UNREACHABLE, { cause: error })
  }
}

async function dial(
  config: BusConfig,
  server: string,
  options: ConnectionOptions & { readonly timeout: number },
  signal: AbortSignal,
): Promise<NatsConnection> {
  try {
    // Of one that takes the connection and says nothing, the client would leave its socket behind, and so the process.
    const servers = await firstToAnswer(config.servers, systemClock, options.timeout / config.servers.length, signal)
    return await connect({ ...options, servers: [...servers], noRandomize: true })
  } catch (error) {
    if (signal.aborted) throw new CommandFailure('interrupted', INTERRUPTED)
    if (error instanceof AuthorizationError) {
      throw new CommandFailure(`${server} does not let us in: ${inOneLine(error)}`, REFUSED, { cause: error })
    }
    const cause = error instanceof Error && error.cause instanceof Error ? `: ${inOneLine(error.cause)}` : ''
    const tls = config.tls === undefined && /tls|secure/i.test(cause) ? '; does it speak TLS? (--tls)' : ''
    const said = inOneLine(error)
    const what = said.startsWith(`${server}:`) ? said : `${server}: ${said}`
    throw new CommandFailure(`no connection to ${what}${cause}${tls}`, UNREACHABLE, { cause: error })
  }
}
