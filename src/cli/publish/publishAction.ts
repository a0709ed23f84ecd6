// What `switchgear publish` does: checks what is to be told as every reader will, sends it, and waits until the server has it.
import { hostname } from 'node:os'
import { Readable } from 'node:stream'
import { newSession } from '../../bus/nats/session.ts'
import { systemClock } from '../../model/clock.ts'
import { encodeBatches } from '../../model/fleet/encodeMessages.ts'
import { isBusName, isBusService, messageSubject, NAMES_ALLOWED } from '../../model/fleet/subjects.ts'
import type { WireMessage } from '../../model/fleet/wire.ts'
import { CommandFailure } from '../commandFailure.ts'
import { busConfigOf, type ConnectionFlags } from '../fleet/connectionFlags.ts'
import { type Bus, openBus } from '../fleet/openBus.ts'
import { interruption } from '../interruption.ts'
import { type Draft, messageOf } from './draft.ts'
import { linesOf } from './lines.ts'

export interface PublishFlags extends ConnectionFlags {
  readonly result?: string
  readonly latency?: number
  readonly failure?: string
  readonly status?: number
  readonly retryAfter?: number
  readonly model?: string
  readonly operation?: string
  readonly inputTokens?: number
  readonly outputTokens?: number
  readonly cost?: number
  readonly quality?: number
  readonly count?: number
  readonly slow?: number
  readonly id?: string
  readonly node?: string
  readonly stdin?: boolean
  readonly json?: boolean
}

const WRONG = 1
const UNUSABLE = 2
/** Lines that are told to be wrong; of the rest, their number. */
const TOLD = 20

interface Published {
  published: number
  refused: number
  readonly subjects: Set<string>
}

export async function runPublish(
  service: string | undefined,
  flags: PublishFlags,
  input: AsyncIterable<Buffer> = process.stdin,
): Promise<void> {
  const { stdin = false, json = false, node = ownName() } = flags
  if (!isBusName(node)) throw new CommandFailure(`--node: got ${JSON.stringify(node)}; allowed: ${NAMES_ALLOWED}`, UNUSABLE)
  if (service === undefined && !stdin) throw new CommandFailure("missing required argument 'service'", UNUSABLE)
  if (service !== undefined && !isBusService(service)) {
    throw new CommandFailure(`the service ${JSON.stringify(String(service))}; allowed: ${NAMES_ALLOWED}`, UNUSABLE)
  }
  const config = busConfigOf(flags)
  const from = { fleet: flags.fleet, node, service, session: newSession() }
  const first = stdin ? undefined : messageOf(fieldsOf(flags), from, systemClock.now(), 0)
  if (first !== undefined && 'reason' in first) throw new CommandFailure(first.reason, WRONG)
  const bus = await openBus(config, { name: 'switchgear publish', signal: stdin ? interruption() : undefined })
  const told: Published = { published: 0, refused: 0, subjects: new Set() }
  try {
    if (first !== undefined) await send(bus, flags.fleet, [first.message], told)
    else await sendLines(bus, from, input, told)
  } finally {
    await bus.close()
  }
  report(bus.server, told, json)
}

function report(server: string, { published, refused, subjects }: Published, json: boolean): void {
  if (refused > 0) process.exitCode = WRONG
  if (json) {
    console.log(JSON.stringify({ published, refused, subjects: [...subjects], server }))
    return
  }
  const where = subjects.size === 1 ? [...subjects][0] : `${subjects.size} subjects`
  console.log(`${published} published to ${where}; ${server} has ${published === 1 ? 'it' : 'them'}`)
  if (refused > 0) console.error(`switchgear: ${refused} ${refused === 1 ? 'line was' : 'lines were'} wrong and not sent`)
}

async function sendLines(bus: Bus, from: Draft, input: AsyncIterable<Buffer>, told: Published): Promise<void> {
  for await (const lines of linesOf(untilAborted(input, interruption()))) {
    const messages: WireMessage[] = []
    for (const { text, number } of lines) {
      const made = messageOf(text, from, systemClock.now(), number)
      if ('message' in made) messages.push(made.message)
      else if (++told.refused <= TOLD) console.error(`switchgear: line ${number}: ${made.reason}`)
    }
    await send(bus, from.fleet, messages, told)
  }
}

/** What comes until then: an input that says nothing more is not waited for. */
async function* untilAborted(input: AsyncIterable<Buffer>, stopped: AbortSignal): AsyncGenerator<Buffer> {
  const pieces = input[Symbol.asyncIterator]()
  const ended = new Promise<undefined>((resolve) => stopped.addEventListener('abort', () => resolve(undefined), { once: true }))
  while (!stopped.aborted) {
    const next = await Promise.race([pieces.next(), ended])
    if (next?.done === true) return
    if (next !== undefined) yield next.value
  }
  // It would hold the process.
  if (input instanceof Readable) input.destroy()
}

/** Batched by subject; resolves when the server has all of them. */
async function send(bus: Bus, fleet: string, messages: readonly WireMessage[], told: Published): Promise<void> {
  const bySubject = new Map<string, WireMessage[]>()
  for (const message of messages) {
    const { type, service, node } = message
    const subject = messageSubject({ fleet, type, service, node })
    const some = bySubject.get(subject) ?? []
    some.push(message)
    bySubject.set(subject, some)
  }
  for (const [subject, some] of bySubject) {
    for (const bytes of encodeBatches(some).batches) bus.client.publish(subject, bytes)
    told.subjects.add(subject)
  }
  await bus.confirm()
  told.published += messages.length
}

function fieldsOf(flags: PublishFlags): string {
  const { result, latency, failure, status, retryAfter: retryAfterMs, model, operation, cost, quality, count, slow, id } = flags
  const { inputTokens: input, outputTokens: output } = flags
  const usage = input === undefined && output === undefined ? undefined : { input, output }
  return JSON.stringify({
    id,
    result,
    latency,
    failure,
    status,
    retryAfterMs,
    model,
    operation,
    usage,
    cost,
    quality,
    count,
    slow,
  })
}

/** One for all commands of this machine, so that they do not look like as many nodes. */
function ownName(): string {
  return `cli-${hostname().replaceAll(/[^A-Za-z0-9_-]/g, '-')}`.slice(0, 64)
}
