// From the failure that makes a quorum to the directive in force on a node that saw none.
import { connect } from '@nats-io/transport-node'
import { quorumSize } from '../../../src/model/fleet/quorum.ts'
import { messageWildcard, parseMessageSubject } from '../../../src/model/fleet/subjects.ts'
import { sleep } from '../faults/fault.ts'
import type { Member } from '../member.ts'
import { moment } from '../protocol.ts'
import type { TrialFleet } from '../trialFleet.ts'

/** The process that leads, and makes no calls. */
export const LEADER = 'leader'
const FAILURES = 3

/** ms, one a service and round. */
export interface TripTimes {
  /** From the breaker that makes the quorum opening on its node. */
  readonly fromNode: number[]
  /** From the leader hearing of it. */
  readonly fromLeader: number[]
  /** Of bare messages through the same server: from one being published until it is heard. */
  readonly bare: number[]
}

interface Told {
  readonly service: string
  readonly since: number
  readonly told: number
}

/** The last of the callers is the one that sees no failure. */
export async function failureToDirective(
  fleet: TrialFleet,
  services: readonly string[],
  rounds: number,
): Promise<Omit<TripTimes, 'bare'>> {
  const fromNode: number[] = []
  const fromLeader: number[] = []
  const callers = fleet.callers
  const failing = callers.slice(0, quorumSize(callers.length, 0.5))
  const other = callers.at(-1) as Member
  const [seenAt, close] = await leaderSees(fleet)
  for (let round = 0; round < rounds; round++) {
    const trips: Told[] = []
    for (const service of services) {
      const since = moment()
      for (const member of failing) {
        member.tell({ do: 'health', service, up: false })
        member.tell({ do: 'burst', service, calls: FAILURES })
      }
      const told = await fleet.until(`${service} is tripped`, 10_000, () =>
        other.movedAt(since, service, ({ to, reason }) => to.startsWith('open') && reason.startsWith('fleet_')),
      )
      const opened = failing.map((member) => member.movedAt(since, service, ({ to }) => to.startsWith('open')))
      // Who was opened by the fleet before it failed by itself was not needed for the quorum.
      const quorum = Math.max(...opened.flatMap((at) => (at !== undefined && at <= told ? at : [])))
      fromNode.push(told - quorum)
      trips.push({ service, since, told })
      for (const member of failing) member.tell({ do: 'health', service, up: true })
    }
    await well(fleet, 60_000)
    for (const { service, since, told } of trips) {
      const seen = seenAt(service, since)
      if (seen !== undefined && seen <= told) fromLeader.push(told - seen)
    }
  }
  await close()
  return { fromNode, fromLeader }
}

/** When the leader's breaker for a service first opened after a moment, by its alert, which has the time of what it heard, in whole ms. */
async function leaderSees(
  fleet: TrialFleet,
): Promise<[seenAt: (service: string, since: number) => number | undefined, close: () => Promise<void>]> {
  const client = await connect({ servers: fleet.servers.map(({ url }) => url) })
  const ahead = performance.timeOrigin + performance.now() - moment()
  const opened: { service: string; at: number }[] = []
  client.subscribe(messageWildcard(fleet.name, { type: 'alert', node: LEADER }), {
    callback: (_, { subject, data }) => {
      const service = parseMessageSubject(subject)?.service ?? ''
      const told = JSON.parse(new TextDecoder().decode(data)) as Alert | Alert[]
      for (const { code, at } of Array.isArray(told) ? told : [told]) {
        if (code === 'opened') opened.push({ service, at: at - ahead })
      }
    },
  })
  await client.flush()
  const seenAt = (service: string, since: number): number | undefined =>
    opened.find((one) => one.service === service && one.at >= since - 1)?.at
  return [seenAt, () => client.close()]
}

interface Alert {
  readonly code: string
  readonly at: number
}

function well(fleet: TrialFleet, patience: number): Promise<number> {
  const told = moment()
  return fleet.until('all is well again', patience, () =>
    fleet.callers.every(
      ({ latest }) =>
        latest !== undefined &&
        latest.at > told &&
        latest.asked.length === 0 &&
        Object.values(latest.states).every((one) => one === 'closed'),
    )
      ? 0
      : undefined,
  )
}

/** What the server and this machine need for one message, both ends of which are in this process. */
export async function bareHops(url: string, count: number): Promise<number[]> {
  const [from, to] = await Promise.all([connect({ servers: url }), connect({ servers: url })])
  const hops: number[] = []
  let heard = (): void => undefined
  to.subscribe('bench.hop', { callback: () => heard() })
  await to.flush()
  for (let i = 0; i < count; i++) {
    await sleep(20)
    const since = performance.now()
    await new Promise<void>((resolve) => {
      heard = resolve
      from.publish('bench.hop')
    })
    hops.push(performance.now() - since)
  }
  await Promise.all([from.close(), to.close()])
  return hops
}
