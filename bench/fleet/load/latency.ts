// From the failure that makes a quorum to the directive in force on a node that saw none.
import { quorumSize } from '../../../src/model/fleet/quorum.ts'
import type { Member } from '../member.ts'
import { moment } from '../protocol.ts'
import type { TrialFleet } from '../trialFleet.ts'

const FAILURES = 3

/** ms, one a service and round. The last of the callers is the one that sees no failure. */
export async function failureToDirective(fleet: TrialFleet, services: readonly string[], rounds: number): Promise<number[]> {
  const latencies: number[] = []
  const callers = fleet.callers
  const failing = callers.slice(0, quorumSize(callers.length, 0.5))
  const other = callers.at(-1) as Member
  for (let round = 0; round < rounds; round++) {
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
      latencies.push(told - quorum)
      for (const member of failing) member.tell({ do: 'health', service, up: true })
    }
    await well(fleet, 60_000)
  }
  return latencies
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
