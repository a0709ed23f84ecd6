// Sends a message past the buffer and waits until the server has it: what an operator wants must not be lost in silence. Used by the
// link for what is not one report among many.
import type { NatsConnection } from '@nats-io/transport-node'
import type { Clock } from '../../model/clock.ts'
import { FleetError } from '../../model/errors.ts'
import { encodeBatches } from '../../model/fleet/encodeMessages.ts'
import { messageSubject } from '../../model/fleet/subjects.ts'
import type { WireMessage } from '../../model/fleet/wire.ts'
import type { WhileUp } from './connection.ts'
import { within } from './due.ts'

export interface ConfirmedSendOptions {
  readonly clock: Clock
  readonly fleet: string
  readonly client: () => NatsConnection | undefined
  readonly whileUp: WhileUp
}

/** How long the server may take, ms. */
const PATIENCE = 2000

export class ConfirmedSend {
  readonly #options: ConfirmedSendOptions
  readonly #underWay = new Set<(what: string) => void>()

  constructor(options: ConfirmedSendOptions) {
    this.#options = options
  }

  /** To be told of all that the server refuses. */
  refused(what: string): void {
    for (const hear of this.#underWay) hear(what)
  }

  /** Rejects with a FleetError when the server has not got it, or that is not known. */
  async send(message: WireMessage): Promise<void> {
    const { clock, fleet, client, whileUp } = this.#options
    const { type, service, node } = message
    const subject = messageSubject({ fleet, type, service, node })
    const [bytes] = encodeBatches([message]).batches
    if (bytes === undefined) throw new FleetError('it is too long for a message')
    const connection = client()
    if (connection === undefined) throw new FleetError('there is no connection to its server')
    let isRefused = false
    const hear = (what: string): void => {
      isRefused ||= what === `publish to ${subject}`
    }
    this.#underWay.add(hear)
    try {
      connection.publish(subject, bytes)
      const answered = await within(clock, PATIENCE, whileUp(connection.flush()))
      // What the server refused has come before its answer, and is told in the next turn.
      await new Promise((resolve) => setImmediate(resolve))
      if (isRefused) throw new FleetError(`its server does not allow us to publish to ${subject}`)
      if (!answered) throw new FleetError('its server does not answer, and may have it or not')
    } finally {
      this.#underWay.delete(hear)
    }
  }
}
