// Reads messages of a journal's stream in order, a batch at a time, and goes on where it stopped when the server restarts or
// stalls in between.
import { AckPolicy, type Consumer, DeliverPolicy, type JsMsg, jetstream } from '@nats-io/jetstream'
import { type NatsConnection, nanos } from '@nats-io/transport-node'
import type { Clock } from '../../model/clock.ts'
import { Pauses } from './due.ts'

export interface PullOptions {
  readonly client: NatsConnection
  readonly clock: Clock
  readonly stream: string
  readonly subject: string
  /** The first message from this sequence on, or from this time on by the server's clock, epoch ms. */
  readonly from: { readonly sequence: number } | { readonly time: number }
  /** The last one that is wanted. */
  readonly last: number
  /** Only what they say of themselves, without their bodies. */
  readonly headersOnly?: boolean
}

const BATCH = 100
/** Without an answer for so long, the request is made anew, ms. */
const EXPIRES = 2000
const TRIES = 10
const PAUSE = 500

/** Rejects when the server does not answer for half a minute. */
export async function* pull(options: PullOptions): AsyncGenerator<JsMsg, void> {
  let from = options.from
  const pauses = new Pauses(options.clock, true)
  for (let tries = 1; ; tries++) {
    let problem: unknown = new Error('the server sends nothing')
    try {
      const consumer = await consumerFrom(options, from)
      for (let got = true; got; ) {
        got = false
        for await (const message of await consumer.fetch({ max_messages: BATCH, expires: EXPIRES })) {
          got = true
          tries = 0
          yield message
          if (message.seq >= options.last) return
          from = { sequence: message.seq + 1 }
        }
      }
    } catch (error) {
      problem = error
    }
    if (tries >= TRIES) throw problem
    await pauses.wait(PAUSE)
  }
}

async function consumerFrom(
  { client, stream, subject, headersOnly = false }: PullOptions,
  from: PullOptions['from'],
): Promise<Consumer> {
  const js = jetstream(client, { timeout: EXPIRES, checkAPI: false })
  const manager = await js.jetstreamManager(false)
  const { name } = await manager.consumers.add(stream, {
    ack_policy: AckPolicy.None,
    filter_subject: subject,
    headers_only: headersOnly,
    inactive_threshold: nanos(30_000),
    mem_storage: true,
    num_replicas: 1,
    ...('sequence' in from
      ? { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: from.sequence }
      : { deliver_policy: DeliverPolicy.StartTime, opt_start_time: new Date(from.time).toISOString() }),
  })
  return js.consumers.get(stream, name)
}
