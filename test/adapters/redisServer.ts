// A real redis-server for tests: on a free loopback port, in a directory of its own, keeping nothing on disk, stopped by its
// pid. Where there is none, the tests that need it say so and how to get it; in CI they fail.
import { type ChildProcess, spawn } from 'node:child_process'
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { describe, onTestFinished, test } from 'vitest'
import { freePort } from '../fleet/freePort.ts'

const HOW_TO_GET_IT = 'install it (Debian, Ubuntu: apt-get install redis-server) or say where it is by REDIS_SERVER_BIN'

const binary = findBinary()

/** A suite that needs a redis-server. */
export function describeWithRedis(name: string, suite: () => void): void {
  if (binary !== undefined) describe(name, suite)
  else if (process.env.CI === 'true') {
    test(name, () => {
      throw new Error(`redis-server was not found: ${HOW_TO_GET_IT}`)
    })
  } else {
    console.warn(`SKIPPED, as redis-server was not found: "${name}". To run it, ${HOW_TO_GET_IT}.`)
    describe.skip(name, suite)
  }
}

export interface RedisServer {
  readonly port: number
  /** As if the machine were switched off. */
  kill(): Promise<void>
  /** After a kill, on the same port, with nothing in it. */
  start(): Promise<void>
}

/** Starts one, which ends with the test. `options` as in redis.conf: `['--maxmemory', '2mb']`. */
export async function redisServer(options: readonly string[] = []): Promise<RedisServer> {
  const port = await freePort()
  const directory = mkdtempSync(join(tmpdir(), 'switchgear-redis-'))
  let running: ChildProcess | undefined
  const server: RedisServer = {
    port,
    async kill() {
      const child = running
      if (child === undefined) return
      running = undefined
      const gone = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGKILL')
      await gone
    },
    async start() {
      running = await launch(port, directory, options)
    },
  }
  onTestFinished(async () => {
    await server.kill()
    rmSync(directory, { recursive: true, force: true })
  })
  await server.start()
  return server
}

function launch(port: number, directory: string, options: readonly string[]): Promise<ChildProcess> {
  const own = ['--port', String(port), '--bind', '127.0.0.1', '--dir', directory, '--save', '', '--appendonly', 'no']
  const child = spawn(binary as string, [...own, ...options], { stdio: ['ignore', 'pipe', 'inherit'] })
  return new Promise((resolve, reject) => {
    let said = ''
    child.stdout?.on('data', (chunk: Buffer) => {
      said += chunk
      if (said.includes('Ready to accept connections')) resolve(child)
    })
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`redis-server ended with ${code}:\n${said}`)))
  })
}

function findBinary(): string | undefined {
  const named = process.env.REDIS_SERVER_BIN
  const places = named ? [named] : (process.env.PATH ?? '').split(delimiter).map((directory) => join(directory, 'redis-server'))
  return places.find((place) => {
    try {
      accessSync(place, constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}
