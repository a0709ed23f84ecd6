// The processes that the demo of the fleet starts: known by their pids, and ended by them, whatever happens.
import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Clock } from '../../model/clock.ts'
import { pause } from '../demo/pause.ts'
import type { Order, ServiceSettings, Word } from './demoFleet.ts'

/** Where the programs are; tests have them elsewhere. */
export interface Programs {
  readonly service: string
  readonly switchgear: string
}

export const PROGRAMS: Programs = {
  service: fileURLToPath(new URL('./serviceProgram.js', import.meta.url)),
  switchgear: fileURLToPath(new URL('../main.js', import.meta.url)),
}

/** How long one may take to end in order, ms. */
const PATIENCE = 4000
const KEPT = 4000

export class Processes {
  readonly #clock: Clock
  readonly #running = new Set<ChildProcess>()
  readonly #killAll = (): void => {
    for (const child of this.#running) child.kill('SIGKILL')
  }

  constructor(clock: Clock) {
    this.#clock = clock
    process.on('exit', this.#killAll)
  }

  service(programs: Programs, settings: ServiceSettings): Service {
    const child = spawn(process.execPath, [programs.service, JSON.stringify(settings)], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    return new Service(settings.node, this.take(child), child)
  }

  orchestrator(programs: Programs, args: readonly string[]): Started {
    return this.take(spawn(process.execPath, [programs.switchgear, 'serve', ...args], { stdio: ['ignore', 'ignore', 'pipe'] }))
  }

  /** Will be ended with the others. */
  take(child: ChildProcess): Started {
    this.#running.add(child)
    child.once('exit', () => this.#running.delete(child))
    let complaints = ''
    child.stderr?.on('data', (chunk: Buffer) => {
      complaints = (complaints + chunk).slice(-KEPT)
    })
    return {
      pid: child.pid ?? 0,
      get alive() {
        return child.exitCode === null && child.signalCode === null
      },
      get complaints() {
        return complaints
      },
      end: (signal) => this.#end(child, signal),
    }
  }

  /** Ends what still runs, services before the server they are connected to. */
  async endAll(last: Started | undefined): Promise<void> {
    const others = [...this.#running].filter(({ pid }) => pid !== last?.pid)
    await Promise.all(others.map((child) => this.#end(child, 'SIGTERM')))
    await last?.end('SIGTERM')
    process.off('exit', this.#killAll)
  }

  async #end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    child.kill(signal)
    const waiting = new AbortController()
    const late = pause(this.#clock, PATIENCE, waiting.signal).then(
      () => child.kill('SIGKILL'),
      () => undefined,
    )
    await gone
    waiting.abort()
    await late
  }
}

export interface Started {
  readonly pid: number
  readonly alive: boolean
  /** What it wrote to stderr, the end of it. */
  readonly complaints: string
  end(signal: NodeJS.Signals): Promise<void>
}

export class Service {
  /** What it said last. */
  word: Word | undefined

  constructor(
    readonly node: string,
    readonly process: Started,
    private readonly child: ChildProcess,
  ) {
    child.on('message', (word: Word) => {
      this.word = word
    })
  }

  tell(order: Order): void {
    if (this.child.connected) this.child.send(order)
  }
}
