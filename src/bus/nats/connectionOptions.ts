// What the client is told of the server and of us. The values are those that were measured to survive restarts and partitions.
import { readFileSync } from 'node:fs'
import { credsAuthenticator, type NodeConnectionOptions, nkeyAuthenticator, type TlsOptions } from '@nats-io/transport-node'
import type { BusConfig } from '../../model/fleet/busConfig.ts'

/** Between two tries to connect: this much, and as much again by chance, ms. */
export const RETRY = 250

/** Files are read at each try, so that a credential that was replaced is used from the next one on. */
export function connectionOptions(config: BusConfig, name: string): NodeConnectionOptions {
  const tls = tlsOptions(config)
  return {
    servers: [...config.servers],
    name,
    maxReconnectAttempts: -1,
    reconnectTimeWait: RETRY,
    reconnectJitter: RETRY,
    reconnectJitterTLS: RETRY,
    // A server that has stopped is noticed after pingInterval × (maxPingOut + 1).
    pingInterval: 2000,
    maxPingOut: 2,
    timeout: 2000,
    ignoreAuthErrorAbort: true,
    noAsyncTraces: true,
    ...(config.inboxPrefix === undefined ? undefined : { inboxPrefix: config.inboxPrefix }),
    ...(tls === undefined ? undefined : { tls }),
    ...identity(config),
  }
}

function identity({ credentials, nkeySeed, user, password, token }: BusConfig): NodeConnectionOptions {
  if (credentials !== undefined) {
    readFileSync(credentials)
    return { authenticator: credsAuthenticator(() => readFileSync(credentials)) }
  }
  if (nkeySeed !== undefined) {
    seedIn(nkeySeed)
    return { authenticator: nkeyAuthenticator(() => seedIn(nkeySeed)) }
  }
  if (user !== undefined) return { user, ...(password === undefined ? undefined : { pass: password.reveal() }) }
  return token === undefined ? {} : { token: token.reveal() }
}

function seedIn(file: string): Uint8Array {
  return Buffer.from(readFileSync(file, 'utf8').trim())
}

/** A server that is named by `tls://` is never spoken to in plain text. */
function tlsOptions({ tls, servers }: BusConfig): TlsOptions | undefined {
  if (tls === false || (tls === undefined && !servers.some((server) => server.startsWith('tls://')))) return undefined
  if (tls === undefined || tls === true) return {}
  const { ca, cert, key } = tls
  return {
    ...(ca === undefined ? undefined : { caFile: ca }),
    ...(cert === undefined ? undefined : { certFile: cert }),
    ...(key === undefined ? undefined : { keyFile: key }),
  }
}
