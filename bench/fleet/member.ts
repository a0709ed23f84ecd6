// A worker process as the harness holds it: what it has said, orders to it, and waiting for what it will say.
import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { type Moment, moment, type Order, type Report, type WorkerSettings } from './protocol.ts'

const PROGRAM = fileURLToPath(new URL('./worker.js', import.meta.url))

type Moved = Extract<Moment, { type: 'moved' }>

export class Member {
  readonly node: string
  readonly startedAt = moment()
  readonly moments: Moment[] = []
  latest: Report | undefined
  /** What it wrote to stderr. */
  complaints = ''
  readonly #child: ChildProcess
  readonly #gone: Promise<void>
  readonly #listeners = new Set<() => void>()

  constructor(readonly settings: WorkerSettings) {
    this.node = settings.bus.node ?? ''
    const child = spawn(process.execPath, [PROGRAM, JSON.stringify(settings)], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
    this.#child = child
    all.add(child)
    this.#gone = new Promise((resolve) =>
      child.once('exit', () => {
        all.delete(child)
        resolve()
        this.#stir()
      }),
    )
    child.stderr?.on('data', (chunk: Buffer) => {
      this.complaints = (this.complaints + chunk).slice(-10_000)
    })
    child.on('message', (said: Report | Moment) => {
      if (said.type === 'report') this.latest = said
      else this.moments.push(said)
      if (said.type === 'stopped') this.latest = said.report
      this.#stir()
    })
  }

  get pid(): number {
    return this.#child.pid ?? -1
  }

  get alive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  get leads(): boolean {
    return this.alive && this.#last('lead')?.leads === true
  }

  get connected(): boolean {
    return this.#last('link')?.connected === true
  }

  get spent(): number {
    return this.latest?.calls.spent ?? 0
  }

  tell(order: Order): void {
    if (this.#child.connected) this.#child.send(order)
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#gone
  }

  /** In order: what it leads is handed over, what it has to say is said. */
  async stop(): Promise<void> {
    this.tell({ do: 'stop' })
    const late = setTimeout(() => this.#child.kill('SIGKILL'), 15_000)
    await this.#gone
    clearTimeout(late)
  }

  /** When it first moved so after `since`. */
  movedAt(since: number, service: string, like: (moved: Moved) => boolean): number | undefined {
    const found = this.moments.find((one) => one.at >= since && one.type === 'moved' && one.service === service && like(one))
    return found?.at
  }

  momentAt(since: number, like: (one: Moment) => boolean): number | undefined {
    return this.moments.find((one) => one.at >= since && like(one))?.at
  }

  onNews(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #last<Type extends Moment['type']>(type: Type): Extract<Moment, { type: Type }> | undefined {
    return this.moments.findLast((one): one is Extract<Moment, { type: Type }> => one.type === type)
  }

  #stir(): void {
    for (const listener of [...this.#listeners]) listener()
  }
}

const all = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of all) child.kill('SIGKILL')
})
