// The live view of a board for the Stately inspector: XState's inspection events, put into the inspector's format by
// @statelyai/inspect, sanitised, and relayed to pages on this machine.
import type { StatelyInspectionEvent } from '@statelyai/inspect'
import type { InspectionEvent, Observer } from 'xstate'
import { History, type Message } from './inspection/history.ts'
import { startRelay } from './inspection/relay.ts'
import { createSanitiser, type Sanitiser } from './inspection/sanitise.ts'

/** Where Stately's own tools look. */
export const DEFAULT_PORT = 8080

export interface InspectorOptions {
  /** The loopback port to listen on; 0: any that is free. Default 8080. */
  readonly port?: number | undefined
  /**
   * False shows everything: policies, who commanded what and why, the keys of keyed breakers. By default these are left out,
   * free texts are shown as `…`, and keys as hashes.
   */
  readonly sanitize?: boolean | undefined
  /** The inspector's page. Default Stately's own. */
  readonly page?: string | undefined
}

export interface Inspector extends AsyncDisposable {
  /** For `createSwitchgear({ inspect })`. */
  readonly inspect: Observer<InspectionEvent>
  /** To open in a browser; `ws:` in place of `http:` is where any page or program may listen. */
  readonly url: string
  /** Pages connected now. */
  readonly pages: number
  close(): Promise<void>
}

/**
 * Starts an inspector's relay on 127.0.0.1. Whoever connects is told of every actor, its present state and the last 200 events,
 * then of all that happens. It keeps no process alive. Rejects with the system's error where the port is taken.
 */
export async function createInspector(options: InspectorOptions = {}): Promise<Inspector> {
  const { port = DEFAULT_PORT, sanitize = true, page = 'https://stately.ai/inspect' } = options
  const { createInspector: createStatelyInspector } = await import('@statelyai/inspect')
  const history = new History()
  const relay = await startRelay({ port, inspector: new URL(page), greeting: () => history.messages() })
  const sanitiser = sanitize ? createSanitiser() : undefined
  let closed = false
  const stately = createStatelyInspector({
    send(event) {
      if (closed) return
      const message = messageOf(event, sanitiser)
      history.add(message)
      relay.send(message.text)
    },
  })
  const close = async (): Promise<void> => {
    if (closed) return
    closed = true
    await relay.close()
  }
  return {
    inspect: stately.inspect,
    url: `http://127.0.0.1:${relay.port}`,
    get pages() {
      return relay.pages
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

function messageOf(told: StatelyInspectionEvent, sanitiser: Sanitiser | undefined): Message {
  const { type, sessionId } = told
  const message: Record<string, unknown> = { ...told }
  let ends = false
  if ('snapshot' in told) {
    const snapshot = pick(told.snapshot)
    message.snapshot = sanitiser ? sanitiser.value(snapshot) : snapshot
    ends = type === '@xstate.snapshot' && snapshot.status !== 'active'
  }
  if (sanitiser && 'event' in told) message.event = sanitiser.value(told.event)
  if (sanitiser && 'name' in told) message.name = sanitiser.name(told.name)
  return { type, sessionId, ends, text: JSON.stringify(message) }
}

/** What a page can show of a snapshot; the machine itself and the children's actors hang on it too. */
function pick(snapshot: object): Record<string, unknown> {
  const { status, value, context, output } = snapshot as Record<string, unknown>
  return { status, value, context, output }
}
