// Faults of the process that leads.

import type { Member } from '../member.ts'
import { moment } from '../protocol.ts'
import type { TrialFleet } from '../trialFleet.ts'
import { type Fault, sleep } from './fault.ts'

export const leaderKilled: Fault = {
  name: 'leader killed -9',
  words:
    'The leader is killed and two of three nodes open. `failover`: until another one leads. `tripped`: until the third node is opened ' +
    'by the fleet. Lease 3 s.',
  async act({ fleet }) {
    const leader = await leading(fleet)
    const since = moment()
    await leader.kill()
    const opened = await fleet.outage('a', 'b')
    const failover = (await successor(fleet, leader, since)) - since
    const tripped = (await fleet.tripped('c', opened)) - since
    const recovered = await fleet.recovered()
    fleet.start(leader.node)
    await fleet.settled()
    return { failover, tripped, recovered }
  },
}

export const leaderPaused: Fault = {
  name: 'leader paused (SIGSTOP), resumed',
  words:
    'The leader is stopped where it stands until another one leads and has tripped the fleet; then it goes on. `failover`: until the ' +
    'other leads. `fenced`: from going on until it knows that it leads no more; what it wrote meanwhile was void.',
  async act({ fleet }) {
    const leader = await leading(fleet)
    const since = moment()
    leader.signal('SIGSTOP')
    const failover = (await successor(fleet, leader, since)) - since
    const opened = await fleet.outage('a', 'b')
    await fleet.tripped('c', opened)
    const resumed = moment()
    leader.signal('SIGCONT')
    const fenced = await fleet.until('the old one follows', 10_000, () =>
      leader.momentAt(resumed, (one) => one.type === 'lead' && !one.leads),
    )
    await sleep(300)
    if (fleet.of('c').latest?.asked.length === 0) throw new Error('the old leader has undone what the new one wants')
    const recovered = await fleet.recovered()
    await fleet.settled()
    return { failover, fenced: fenced - resumed, recovered }
  },
}

export const rollingRestart: Fault = {
  name: 'rolling restart of all',
  words:
    'Every process, leaders too, is stopped in order and started again, one after the other; then a service goes down on two of three ' +
    'nodes. `restart`: of one process, until all agree again; the longest. `handed over`: from telling the leader to stop until ' +
    'another one leads. Journals of all sorts: in files that a restart goes on from, in the stream, in both.',
  node: (name) => (name === 'a' ? { journal: 'file' } : name === 'b' ? { journal: 'stream' } : {}),
  async act({ fleet }) {
    const restarts: number[] = []
    const handovers: number[] = []
    for (const { node } of [...fleet.members]) {
      const before = fleet.of(node)
      const led = before.leads
      const since = moment()
      const stopping = before.stop()
      if (led) handovers.push((await successor(fleet, before, since)) - since)
      await stopping
      fleet.start(node)
      restarts.push((await fleet.settled()) - since)
    }
    const opened = await fleet.outage('a', 'b')
    const tripped = (await fleet.tripped('c', opened)) - opened
    const recovered = await fleet.recovered()
    return { restart: Math.max(...restarts), 'handed over': Math.max(...handovers), tripped, recovered }
  },
}

function leading(fleet: TrialFleet): Promise<Member> {
  return fleet.until('a leader', 20_000, () => (fleet.leader ? 0 : undefined)).then(() => fleet.leader as Member)
}

function successor(fleet: TrialFleet, old: Member, since: number): Promise<number> {
  return fleet.until('a successor', 30_000, () => {
    for (const member of fleet.members) {
      const at = member === old ? undefined : member.momentAt(since, (one) => one.type === 'lead' && one.leads)
      if (at !== undefined) return at
    }
    return undefined
  })
}
