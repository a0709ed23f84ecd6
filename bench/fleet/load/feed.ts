// Feeds a taker with outcomes, a hundred a message, as fast as it takes them: no more than so many are on their way at once.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { connect } from '@nats-io/transport-node'
import { messageSubject } from '../../../src/model/fleet/subjects.ts'
import type { Taken, TakerSettings } from './taker.ts'

const PROGRAM = fileURLToPath(new URL('./taker.js', import.meta.url))
const SERVICES = Array.from({ length: 10 }, (_, i) => `s${i}`)
const NODES = Array.from({ length: 20 }, (_, i) => `n${i}`)
const BATCH = 100
/** Messages on their way at most. */
const AHEAD = 600
/** Every so many outcomes one is a failure: services are well. */
const FAILS = 50
const DIGITS = 9
const WARM_UP_MS = 3000

export interface Fed {
  readonly as: TakerSettings['as']
  readonly eventsPerSecond: number
  /** Of one processor, 0–1. */
  readonly cpu: number
  readonly rejected: number
}

export async function feed(as: TakerSettings['as'], server: string, seconds: number): Promise<Fed> {
  const fleet = `feed-${as}`
  const settings: TakerSettings = { as, server, fleet, services: SERVICES }
  const taker = spawn(process.execPath, [PROGRAM, JSON.stringify(settings)], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  const client = await connect({ servers: server })
  try {
    let taken: Taken = { ready: false, events: 0, rejected: 0, cpu: 0 }
    taker.on('message', (told: Taken) => {
      taken = told
    })
    while (!taken.ready) await once(taker, 'message')
    const bodies = bodiesOf(fleet)
    let sent = 0
    const send = async (until: number): Promise<void> => {
      while (performance.now() < until) {
        while (sent - (taken.events + taken.rejected) / BATCH < AHEAD) {
          const [subject, body] = bodies[sent % bodies.length] as Body
          number(body, sent * BATCH)
          client.publish(subject, body)
          sent++
          if (sent % 50 === 0) await client.flush()
        }
        await once(taker, 'message')
      }
    }
    await send(performance.now() + WARM_UP_MS)
    const [before, since] = [taken, performance.now()]
    await send(since + seconds * 1000)
    const took = (performance.now() - since) / 1000
    return {
      as,
      eventsPerSecond: Math.round((taken.events - before.events) / took),
      cpu: (taken.cpu - before.cpu) / took,
      rejected: taken.rejected,
    }
  } finally {
    await client.close()
    const gone = once(taker, 'exit')
    taker.kill('SIGKILL')
    await gone
  }
}

type Body = readonly [subject: string, bytes: Buffer]

/** A message for each pair of a node and a service, whose outcomes are numbered anew each time it is sent. */
function bodiesOf(fleet: string): Body[] {
  const at = Date.now()
  return NODES.flatMap((node) =>
    SERVICES.map((service): Body => {
      const outcomes = Array.from({ length: BATCH }, (_, i) => ({
        at,
        ...(i % FAILS === 0 ? { result: 'failure', failure: 'timeout' } : { result: 'success' }),
        latency: 100 + i / 1000,
        id: `${node}.${'#'.repeat(DIGITS)}`,
      }))
      return [messageSubject({ fleet, type: 'outcome', service, node }), Buffer.from(JSON.stringify(outcomes))]
    }),
  )
}

const places = new WeakMap<Buffer, number[]>()

/** Another id for each outcome: what comes twice is heard once. */
function number(body: Buffer, from: number): void {
  let where = places.get(body)
  if (!where) {
    where = []
    const mark = '#'.repeat(DIGITS)
    for (let place = body.indexOf(mark); place >= 0; place = body.indexOf(mark, place + DIGITS)) where.push(place)
    places.set(body, where)
  }
  for (const [i, place] of where.entries()) {
    let left = from + i
    for (let digit = place + DIGITS - 1; digit >= place; digit--) {
      body[digit] = 48 + (left % 10)
      left = Math.floor(left / 10)
    }
  }
}
