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
import { discard } from '../../bus/nats/connection.ts'
import { connectionOptions } from '../../bus/nats/connectionOptions.ts'
import { within } from '../../bus/nats/due.ts'
import { firstToAnswer } from '../../bus/nats/firstToAnswer.ts'
import { systemClock } from '../../model/clock.ts'
import type { BusConfig } from '../../model/fleet/busConfig.ts'
import { Due } from '../../model/timer.ts'
import { CommandFailure, inOneLine } from '../commandFailure.ts'
import { INTERRUPTED } from '../interruption.ts'

/** The answer is no: we may not. */
export const REFUSED = 1
/** It could not be done as asked. */
export const UNREACHABLE = 2
/** How long a server may take to answer, ms. */
const PATIENCE = 5000
/** After so long somebody who waits is told for what, ms. */
const TELL_AFTER = 2000
/** One that has said what it is has this long to let us in, ms. */
const LEAST_PATIENCE = 1000

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
  const { name, persistent = false, onStatus, patience = PATIENCE, signal } = options
  const server = config.servers.join(',')
  const dialled = { ...optionsOf(config, name), reconnect: persistent }
  const overdueAt = systemClock.now() + patience
  const waiting = new Due(() => console.error(`switchgear: waiting for ${server}`))
  systemClock.arm(waiting, systemClock.now() + TELL_AFTER)
  const asked = answering(config.servers, server, patience, signal)
  const servers = await asked.finally(() => systemClock.disarm(waiting))
  const left = Math.max(LEAST_PATIENCE, overdueAt - systemClock.now())
  const client = await dial(config, server, { ...dialled, servers, noRandomize: true, timeout: left })
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
    close: async () => {
      await client.close()
      discard(client)
    },
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

/** The servers with the one in front that answers first. All are asked at once: somebody waits at a terminal. */
async function answering(servers: readonly string[], all: string, patience: number, signal?: AbortSignal): Promise<string[]> {
  const stop = new AbortController()
  const ends = signal === undefined ? stop.signal : AbortSignal.any([stop.signal, signal])
  try {
    const first = await Promise.any(servers.map((one) => firstToAnswer([one], systemClock, patience, ends)))
    return [...first, ...servers.filter((one) => !first.includes(one))]
  } catch (error) {
    if (signal?.aborted) throw new CommandFailure('interrupted', INTERRUPTED)
    const problems = error instanceof AggregateError ? error.errors : [error]
    const reasons = problems.map((problem, i) => reasonOf(problem, servers.length === 1 ? servers[i] : undefined))
    throw new CommandFailure(`no connection to ${all}: ${reasons.join('; ')}`, UNREACHABLE, { cause: error })
  } finally {
    stop.abort()
  }
}

/** Without the name of the server where that has been said. */
function reasonOf(problem: unknown, server: string | undefined): string {
  const text = inOneLine(problem)
  return server !== undefined && text.startsWith(`${server}: `) ? text.slice(server.length + 2) : text
}

async function dial(config: BusConfig, server: string, options: ConnectionOptions): Promise<NatsConnection> {
  try {
    return await connect(options)
  } catch (error) {
    if (error instanceof AuthorizationError) {
      throw new CommandFailure(`${server} does not let us in: ${inOneLine(error)}`, REFUSED, { cause: error })
    }
    const cause = error instanceof Error && error.cause instanceof Error ? `: ${inOneLine(error.cause)}` : ''
    const tls = config.tls === undefined && /tls|secure/i.test(cause) ? '; does it speak TLS? (--tls)' : ''
    throw new CommandFailure(`no connection to ${server}: ${inOneLine(error)}${cause}${tls}`, UNREACHABLE, { cause: error })
  }
}
