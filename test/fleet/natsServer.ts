// A real nats-server for tests: on free loopback ports, with a store of its own, stopped by its pid and removed at the end
// even when a test fails. Where there is none, the tests that need it say so and how to get it; in CI they fail.
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { describe, onTestFinished, test } from 'vitest'
import { freePort } from './freePort.ts'
import { findNatsServer, HOW_TO_GET_NATS } from './natsBinary.ts'

export { freePort }

const binary = findNatsServer()

/** A suite that needs a nats-server. Without one it is skipped (natsNotice.ts says so once a run), and in CI it fails. */
export function describeWithNats(name: string, suite: () => void): void {
  if (binary !== undefined) describe(name, suite)
  else if (process.env.CI === 'true') {
    test(name, () => {
      throw new Error(`nats-server was not found: ${HOW_TO_GET_NATS}`)
    })
  } else describe.skip(name, suite)
}

export interface NatsServerOptions {
  /** More of a nats-server.conf: users, TLS, max_payload. */
  readonly config?: string
  /** Default true. */
  readonly jetstream?: boolean
  /** False: it is not started yet, and `start` starts it. Default true. */
  readonly started?: boolean
  /** How its address begins. Default `nats`. */
  readonly scheme?: 'nats' | 'tls'
}

export interface NatsServer {
  readonly url: string
  readonly port: number
  readonly directory: string
  readonly pid: number | undefined
  kill(signal?: NodeJS.Signals): Promise<void>
  /** Stops it where it stands (SIGSTOP): its connections stay open and nothing answers. */
  pause(): void
  resume(): void
  /** Starts it again after a kill, on the same port and with the same store; with another `config` where one is given. */
  start(changed?: { readonly config?: string; readonly jetstream?: boolean }): Promise<void>
  /** All it has logged. */
  readonly log: string
}

/** Starts one, which ends with the test. */
export async function natsServer(options: NatsServerOptions = {}): Promise<NatsServer> {
  const [server, remove] = await unboundServer(options)
  onTestFinished(remove)
  if (options.started !== false) await server.start()
  return server
}

/** Starts one for a whole suite or a program; whoever calls must call what comes second at the end. */
export async function unboundServer(options: NatsServerOptions = {}): Promise<[NatsServer, () => Promise<void>]> {
  const directory = mkdtempSync(join(tmpdir(), 'switchgear-nats-'))
  const server = new OwnServer(await freePort(), directory, options)
  const atExit = (): void => server.killNow()
  process.on('exit', atExit)
  const remove = async (): Promise<void> => {
    await server.kill('SIGKILL')
    process.off('exit', atExit)
    rmSync(directory, { recursive: true, force: true })
  }
  return [server, remove]
}

/** Three servers that are one, ready when JetStream has a leader. They end with the test. */
export async function natsCluster(config = ''): Promise<readonly NatsServer[]> {
  const ports = await Promise.all([freePort(), freePort(), freePort()])
  const routes = ports.map((port) => `nats://127.0.0.1:${port}`).join(', ')
  const servers = await Promise.all(
    ports.map((port, i) =>
      natsServer({
        started: false,
        config: `server_name: n${i + 1}\ncluster { name: sg, listen: "127.0.0.1:${port}", routes: [${routes}] }\n${config}`,
      }),
    ),
  )
  await Promise.all(servers.map((server) => server.start()))
  await ready(servers)
  return servers
}

/** Until all three keep a stream together: before that each request takes its time, and fails. */
async function ready(servers: readonly NatsServer[]): Promise<void> {
  const client = await connect({ servers: servers.map(({ url }) => url) })
  try {
    for (;;) {
      try {
        const { streams } = await jetstreamManager(client, { timeout: 1000 })
        // One that took too long to be made may be there all the same.
        await streams.add({ name: 'ready', subjects: ['ready'], num_replicas: servers.length }).catch(() => streams.info('ready'))
        await streams.delete('ready')
        return
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
    }
  } finally {
    await client.close()
  }
}

class OwnServer implements NatsServer {
  readonly port: number
  readonly directory: string
  log = ''
  #options: NatsServerOptions
  #running: ChildProcess | undefined

  constructor(port: number, directory: string, options: NatsServerOptions) {
    this.port = port
    this.directory = directory
    this.#options = options
  }

  get url(): string {
    return `${this.#options.scheme ?? 'nats'}://127.0.0.1:${this.port}`
  }

  get pid(): number | undefined {
    return this.#running?.pid
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#running
    if (child === undefined) return
    this.#running = undefined
    const gone = new Promise((resolve) => child.once('exit', resolve))
    // One that is stopped gets no other signal than these.
    if (signal !== 'SIGKILL') child.kill('SIGCONT')
    if (child.exitCode === null && child.signalCode === null) {
      child.kill(signal)
      await gone
    }
  }

  killNow(): void {
    this.#running?.kill('SIGKILL')
  }

  pause(): void {
    this.#running?.kill('SIGSTOP')
  }

  resume(): void {
    this.#running?.kill('SIGCONT')
  }

  async start(changed: { readonly config?: string; readonly jetstream?: boolean } = {}): Promise<void> {
    this.#options = { ...this.#options, ...changed }
    const { config = '', jetstream = true } = this.#options
    const store = join(this.directory, 'store')
    mkdirSync(store, { recursive: true })
    const file = join(this.directory, 'nats.conf')
    const stream = jetstream ? `jetstream { store_dir: "${store}", max_mem: 128MB, max_file: 16GB }` : ''
    writeFileSync(file, `listen: "127.0.0.1:${this.port}"\n${stream}\n${config}\n`)
    this.#running = await this.#launch(file)
  }

  #launch(file: string): Promise<ChildProcess> {
    const from = this.log.length
    const child = spawn(binary as string, ['-c', file], { stdio: ['ignore', 'ignore', 'pipe'] })
    this.#running = child
    return new Promise((resolve, reject) => {
      child.stderr?.on('data', (chunk: Buffer) => {
        this.log += chunk
        if (this.log.indexOf('Server is ready', from) >= 0) resolve(child)
      })
      child.once('error', reject)
      child.once('exit', (code) => reject(new Error(`nats-server ended with ${code}:\n${this.log.slice(from)}`)))
    })
  }
}
