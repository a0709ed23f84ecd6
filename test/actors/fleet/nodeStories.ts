// What the stories of a fleet's nodes have in common: whole boards in one virtual time, each with a link to the fleet and a clock of
// its own.
import { onTestFinished } from 'vitest'
import { MemoryJournal } from '../../../src/bus/memoryJournal.ts'
import type { DirectiveEntry } from '../../../src/model/fleet/entries.ts'
import type { WireMessage } from '../../../src/model/fleet/wire.ts'
import type { GearEvent } from '../../../src/model/records.ts'
import { createSwitchgear, type Switchgear, type SwitchgearOptions } from '../../../src/switchgear.ts'
import type { MemoryFleet } from '../../fleet/memoryFleet.ts'
import type { MemoryLink } from '../../fleet/memoryLink.ts'

export interface Node {
  readonly gear: Switchgear<{ search: object; database: object }>
  readonly link: MemoryLink
  readonly journal: MemoryJournal
  readonly heard: GearEvent[]
}

type Options = Partial<Omit<SwitchgearOptions<Record<string, object>>, 'bus' | 'clock' | 'journal'>> & {
  readonly offset?: number
  readonly journal?: MemoryJournal
  /** Without it nobody leads but the test. */
  readonly lead?: boolean
}

/** A process comes. Unless `lead` is said, it cannot get the lease: the test writes the directives. */
export async function node(fleet: MemoryFleet, name: string, options: Options = {}): Promise<Node> {
  const { offset = 0, journal = new MemoryJournal(), lead = false, ...rest } = options
  const link = fleet.join(name, { offset })
  if (!lead) link.lease.take = async () => ({ held: false, holder: 'the test' })
  const services = { search: { kind: 'http', recoveryJitter: { from: 1, to: 1 } }, database: { kind: 'http' } } as const
  const gear = await createSwitchgear({ seed: 7, services, ...rest, bus: link, clock: link.clock, journal })
  const heard: GearEvent[] = []
  gear.events$.subscribe((event) => heard.push(event))
  onTestFinished(async () => {
    const closed = gear.close()
    await fleet.clock.advanceAsync(3000)
    await closed
  })
  return { gear: gear as Node['gear'], link, journal, heard }
}

/** All that is said on the bus. */
export function overheard(fleet: MemoryFleet): WireMessage[] {
  const said: WireMessage[] = []
  fleet.join('overhearing').subscribe('*', (message) => said.push(message))
  return said
}

export function directive(some: Partial<DirectiveEntry> = {}): DirectiveEntry {
  return {
    v: 1,
    service: 'search',
    epoch: 1,
    at: 0,
    lifetime: 10_000,
    state: 'closed',
    level: 0,
    admissionRatio: 1,
    hold: false,
    rule: 'cascade',
    reason: 'its database is down',
    ...some,
  }
}
