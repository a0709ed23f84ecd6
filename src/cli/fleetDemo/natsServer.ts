// A nats-server of one's own, for the demo of the fleet: found on this machine, on a free port of loopback, with its store in a
// directory that its user removes.
import { type ChildProcess, spawn } from 'node:child_process'
import { accessSync, constants, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { delimiter, join } from 'node:path'
import { CommandFailure } from '../commandFailure.ts'

const HOW_TO_GET_NATS =
  'nats-server was not found. Install it (Debian, Ubuntu: apt-get install nats-server; macOS: brew install nats-server; ' +
  'others: https://nats.io/download), or say where it is by NATS_SERVER_BIN'

const UNUSABLE = 2

/** Throws a CommandFailure that says how to get one. */
export function findNatsServer({ NATS_SERVER_BIN, PATH = '' }: NodeJS.ProcessEnv = process.env): string {
  const directories = [...PATH.split(delimiter), '/usr/sbin', '/usr/local/sbin']
  const places = NATS_SERVER_BIN ? [NATS_SERVER_BIN] : directories.map((directory) => join(directory, 'nats-server'))
  const found = places.find(isProgram)
  if (found === undefined) throw new CommandFailure(HOW_TO_GET_NATS, UNUSABLE)
  return found
}

export interface OwnServer {
  readonly url: string
  readonly process: ChildProcess
}

/** Resolves when it takes connections; throws a CommandFailure with what it says when it ends instead. */
export async function startNatsServer(binary: string, directory: string): Promise<OwnServer> {
  const port = await freePort()
  const file = join(directory, 'nats.conf')
  writeFileSync(file, `listen: "127.0.0.1:${port}"\njetstream { store_dir: ${JSON.stringify(join(directory, 'store'))} }\n`)
  const server = spawn(binary, ['-c', file], { stdio: ['ignore', 'ignore', 'pipe'] })
  let log = ''
  await new Promise<void>((resolve, reject) => {
    const ended = (): void => reject(new CommandFailure(`nats-server does not start: ${log.trim().split('\n').at(-1)}`, UNUSABLE))
    server.once('error', ended)
    server.once('exit', ended)
    server.stderr.on('data', (chunk: Buffer) => {
      log = (log + chunk).slice(-4000)
      if (log.includes('Server is ready')) resolve()
    })
  })
  return { url: `nats://127.0.0.1:${port}`, process: server }
}

function isProgram(place: string): boolean {
  try {
    accessSync(place, constants.X_OK)
    return true
  } catch {
    return false
  }
}

function freePort(): Promise<number> {
  const probe = createServer()
  return new Promise((resolve, reject) => {
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}
