// What `switchgear tail` does: listens until it is told to end, shows what it hears, and says what it could not hear or show.
import { isRemoval } from '../../bus/nats/bucket.ts'
import { SeenIds } from '../../bus/nats/seenIds.ts'
import { systemClock } from '../../model/clock.ts'
import { isBusName, isBusService, isWireType, NAMES_ALLOWED } from '../../model/fleet/subjects.ts'
import type { WireMessage } from '../../model/fleet/wire.ts'
import { Due } from '../../model/timer.ts'
import { CommandFailure } from '../commandFailure.ts'
import { busConfigOf } from '../fleet/connectionFlags.ts'
import { type Bus, openBus, UNREACHABLE } from '../fleet/openBus.ts'
import { interruption } from '../interruption.ts'
import { styleFor } from '../terminal/style.ts'
import { type BusEvent, busEvents } from './busEvent.ts'
import { eventLine } from './eventLine.ts'
import { Screen } from './screen.ts'
import { hearsAll, subjectsOf, type TailFlags } from './tailed.ts'

/** What is missing is told at most as often, ms. */
const TELL_EVERY = 1000

export async function runTail(flags: TailFlags): Promise<void> {
  for (const [flag, name, allowed] of [
    ['--service', flags.service, isBusService(flags.service)],
    ['--node', flags.node, isBusName(flags.node)],
  ] as const) {
    if (name !== undefined && !allowed)
      throw new CommandFailure(`${flag}: got ${JSON.stringify(name)}; allowed: ${NAMES_ALLOWED}`, UNREACHABLE)
  }
  const config = busConfigOf(flags)
  const stopped = interruption()
  const tail = new Tail(flags)
  const onStatus = ({ type }: { readonly type: string }): void => tail.status(type)
  const bus = await openBus(config, { name: 'switchgear tail', persistent: true, onStatus, signal: stopped })
  try {
    tail.listen(bus, subjectsOf(flags))
    await bus.confirm()
    console.error(`listening to the fleet ${flags.fleet} on ${bus.server}`)
    await ended(stopped, flags.for)
  } finally {
    await bus.close()
    tail.end()
  }
}

/** Resolves when it is time to end. */
function ended(stopped: AbortSignal, seconds: number | undefined): Promise<void> {
  return new Promise((resolve) => {
    const due = new Due(() => resolve(), true)
    const end = (): void => {
      systemClock.disarm(due)
      resolve()
    }
    if (stopped.aborted) end()
    else stopped.addEventListener('abort', end, { once: true })
    if (seconds !== undefined) systemClock.arm(due, systemClock.now() + seconds * 1000)
  })
}

class Tail {
  readonly #flags: TailFlags
  readonly #screen = new Screen(process.stdout)
  readonly #style = styleFor(process.stdout)
  readonly #seen = new SeenIds()
  readonly #due = new Due(() => this.#tell())
  #missed = 0
  #unshown = 0

  constructor(flags: TailFlags) {
    this.#flags = flags
  }

  listen({ client }: Bus, subjects: readonly string[]): void {
    for (const subject of subjects) {
      client.subscribe(subject, {
        callback: (error, message) => {
          if (error !== null) return
          const { subject, data, headers } = message
          for (const event of busEvents(subject, data, isRemoval(headers), systemClock.now())) this.#show(event)
        },
      })
    }
  }

  status(type: string): void {
    if (type === 'disconnect') console.error('switchgear: the connection is lost; what is said meanwhile is missed')
    if (type === 'reconnect') console.error('switchgear: connected again')
  }

  end(): void {
    systemClock.disarm(this.#due)
    this.#tell()
  }

  #show(event: BusEvent): void {
    const { type, json = false } = this.#flags
    if (isMessage(event)) this.#seen.take(event)
    if (type !== undefined && event.type !== 'unreadable' && event.type !== 'removed' && !type.includes(event.type)) return
    this.#screen.print(json ? JSON.stringify(event) : eventLine(event, this.#style))
    const missed = hearsAll(this.#flags) ? this.#seen.missed : 0
    if ((missed > this.#missed || this.#screen.unshown > this.#unshown) && !this.#due.armed) {
      systemClock.arm(this.#due, systemClock.now() + TELL_EVERY)
    }
  }

  #tell(): void {
    const missed = (hearsAll(this.#flags) ? this.#seen.missed : 0) - this.#missed
    const unshown = this.#screen.unshown - this.#unshown
    this.#missed += missed
    this.#unshown += unshown
    if (missed > 0) console.error(`switchgear: ${missed} messages were sent and never came`)
    if (unshown > 0) console.error(`switchgear: ${unshown} messages came faster than they could be printed and are not shown`)
  }
}

function isMessage(event: BusEvent): event is WireMessage {
  return isWireType(event.type)
}
