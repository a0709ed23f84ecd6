// Links to a real server for tests, which are closed with the test, and ways to wait for what they do.
import { onTestFinished } from 'vitest'
import type { LinkStatus } from '../../../src/bus/fleetLink.ts'
import { NatsLink, type NatsLinkOptions } from '../../../src/bus/nats/natsLink.ts'
import { type BusInput, busSchema } from '../../../src/model/fleet/busConfig.ts'
import type { DirectiveEntry, NodeEntry } from '../../../src/model/fleet/entries.ts'
import type { OutcomeMessage } from '../../../src/model/fleet/wire.ts'

export function linkTo(
  servers: string | string[],
  node: string,
  more: Partial<BusInput> = {},
  options: NatsLinkOptions = {},
): NatsLink {
  const link = new NatsLink({ ...busSchema.parse({ servers, fleet: 'test', ...more }), node }, options)
  onTestFinished(() => link.close())
  return link
}

/** Statuses of a type, as they come. */
export function statusesOf(link: NatsLink): LinkStatus[] {
  const statuses: LinkStatus[] = []
  link.onStatus((status) => statuses.push(status))
  return statuses
}

export async function connected(...links: readonly NatsLink[]): Promise<void> {
  for (const link of links) await until(() => link.connected, 'a connection')
}

/** When the tables have been read for the first time. */
export async function ready(...links: readonly NatsLink[]): Promise<void> {
  for (const link of links) {
    const probe = directive(`ready-${link.node}`)
    link.directives.put(probe.service, probe)
    await until(() => link.directives.entries.has(probe.service), `the tables of ${link.node}`)
    link.directives.remove(probe.service)
    await until(() => !link.directives.entries.has(probe.service), `the tables of ${link.node}`)
  }
}

/** Waits for what has no event of its own: looks every few ms. */
export async function until(holds: () => boolean, what: string, ms = 15_000): Promise<void> {
  const deadline = performance.now() + ms
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`waited ${ms} ms in vain for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 3))
  }
}

export function outcome(node: string, more: Partial<OutcomeMessage> = {}): OutcomeMessage {
  return {
    v: 1,
    type: 'outcome',
    at: Date.now(),
    node,
    service: 'search',
    result: 'failure',
    failure: 'timeout',
    latency: 5,
    ...more,
  }
}

export function directive(service: string, more: Partial<DirectiveEntry> = {}): DirectiveEntry {
  return {
    v: 1,
    service,
    epoch: 1,
    at: 1_767_225_600_000,
    lifetime: 30_000,
    state: 'closed',
    level: 0,
    admissionRatio: 1,
    hold: false,
    rule: 'test',
    reason: 'because',
    ...more,
  }
}

export function nodeEntry(node: string, more: Partial<NodeEntry> = {}): NodeEntry {
  return { v: 1, node, session: 's', at: Date.now(), software: 'test', leads: false, services: {}, dropped: 0, ...more }
}
