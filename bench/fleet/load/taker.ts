// A process that takes outcomes from the bus as fast as it can: as the leader of a fleet, or as a bare client that decodes their JSON
// and nothing else. Tells how many it has had, so that it can be fed no faster. Its settings are its one argument, as JSON.
import { connect } from '@nats-io/transport-node'
import { messageWildcard } from '../../../src/model/fleet/subjects.ts'
import { createSwitchgear } from '../../../src/switchgear.ts'

export interface TakerSettings {
  readonly as: 'leader' | 'bare'
  readonly server: string
  readonly fleet: string
  readonly services: readonly string[]
}

export interface Taken {
  readonly ready: boolean
  readonly events: number
  /** That the leader did not accept. */
  readonly rejected: number
  /** Seconds of this process. */
  readonly cpu: number
}

const TELL_EVERY = 5

const settings = JSON.parse(process.argv[2] ?? '{}') as TakerSettings
const take = settings.as === 'leader' ? await asLeader(settings) : await asBareClient(settings)
setInterval(() => {
  const { user, system } = process.cpuUsage()
  process.send?.({ ...take(), cpu: (user + system) / 1e6 } satisfies Taken)
}, TELL_EVERY)
process.on('disconnect', () => process.exit(0))

async function asLeader({ server, fleet, services }: TakerSettings): Promise<() => Omit<Taken, 'cpu'>> {
  const gear = await createSwitchgear({
    services: Object.fromEntries(services.map((name) => [name, { kind: 'http' as const }])),
    bus: { servers: server, fleet, node: 'leader', limits: { messagesPerSecond: 1_000_000 } },
  })
  return () => {
    const { leads = false, counters } = gear.fleet ?? {}
    return { ready: leads, events: counters?.received ?? 0, rejected: counters?.rejected ?? 0 }
  }
}

async function asBareClient({ server, fleet }: TakerSettings): Promise<() => Omit<Taken, 'cpu'>> {
  const client = await connect({ servers: server })
  const utf8 = new TextDecoder()
  let events = 0
  client.subscribe(messageWildcard(fleet, { type: 'outcome' }), {
    callback: (_, { data }) => {
      const told: unknown = JSON.parse(utf8.decode(data))
      events += Array.isArray(told) ? told.length : 1
    },
  })
  await client.flush()
  return () => ({ ready: true, events, rejected: 0 })
}
