// Runs one fault so many times on a fleet of its own, and audits what it leaves.
import { freePort, type NatsServer, type NatsServerOptions, unboundServer } from '../../../test/fleet/natsServer.ts'
import { unboundProxy } from '../../../test/fleet/proxy.ts'
import { type Audit, audit } from '../audit.ts'
import { TrialFleet } from '../trialFleet.ts'
import type { Fault, Times } from './fault.ts'

export interface Result {
  readonly name: string
  readonly words: string
  readonly runs: readonly Times[]
  /** Runs that did not come to their end, with the reason: something is stuck. */
  readonly stuck: readonly string[]
  readonly audit: Audit
  readonly seconds: number
}

export async function tryOut(fault: Fault, fleetName: string, times: number, say: (what: string) => void): Promise<Result> {
  const since = performance.now()
  const started = await startServers(fault)
  const servers = started.map(([server]) => server)
  const server = servers[0] as NatsServer
  const line = fault.proxied ? await unboundProxy(server.port) : undefined
  const fleet = new TrialFleet(fleetName, servers, fault.bus ?? {})
  const runs: Times[] = []
  const stuck: string[] = []
  try {
    if (fault.started !== false) {
      await fleet.startAll((name) => ({
        ...fault.node?.(name),
        ...(name === 'c' && line ? { port: line.port } : undefined),
      }))
    }
    for (let run = 0; run < times; run++) {
      try {
        const took = await fault.act({ fleet, server, line, run })
        runs.push(took)
        say(`${fault.name} ${run + 1}/${times}: ${inWords(took)}`)
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error)
        stuck.push(`run ${run + 1}: ${reason}`)
        say(`${fault.name} ${run + 1}/${times}: STUCK: ${reason}`)
        await mend(fleet, servers)
      }
    }
    const found = await audit(fleet, stuck.length > 0)
    say(`${fault.name}: ${auditInWords(found)}`)
    for (const one of [...found.untimely].sort()) say(one)
    return {
      name: fault.name,
      words: fault.words,
      runs,
      stuck,
      audit: found,
      seconds: Math.round((performance.now() - since) / 1000),
    }
  } finally {
    fleet.remove()
    await line?.close()
    for (const [, remove] of started) await remove()
  }
}

async function startServers({ servers = 1, server: options = {} }: Fault): Promise<[NatsServer, () => Promise<void>][]> {
  if (servers === 1) {
    const one = await unboundServer(options)
    await one[0].start()
    return [one]
  }
  const ports = await Promise.all(Array.from({ length: servers }, freePort))
  const routes = ports.map((port) => `nats://127.0.0.1:${port}`).join(', ')
  const all = await Promise.all(
    ports.map((port, i) => {
      const cluster = `cluster { name: sg, listen: "127.0.0.1:${port}", routes: [${routes}] }`
      const own: NatsServerOptions = { ...options, config: `server_name: n${i + 1}\n${cluster}\n${options.config ?? ''}` }
      return unboundServer(own)
    }),
  )
  await Promise.all(all.map(([server]) => server.start()))
  return all
}

/** What a run that failed may have left: a server or a process that is gone, a service that is down. */
async function mend(fleet: TrialFleet, servers: readonly NatsServer[]): Promise<void> {
  for (const server of servers) if (server.pid === undefined) await server.start()
  for (const { node, alive } of fleet.members) if (!alive) fleet.start(node)
  for (const member of fleet.members) member.signal('SIGCONT')
  await fleet.recovered().catch(() => undefined)
  await fleet.settled().catch(() => undefined)
}

function inWords(times: Times): string {
  return Object.entries(times)
    .map(([name, value]) => `${name} ${Math.round(value)}`)
    .join(', ')
}

function auditInWords({
  calls,
  broken,
  blocked,
  slowest,
  lost,
  doubled,
  epochsBack,
  journals,
  ledgers,
  complaints,
}: Audit): string {
  const { identical, torn, differ } = journals
  return (
    `${calls} calls, ${broken} broken, ${blocked} blocked, slowest ${slowest.toFixed(1)} ms; lost ${lost}, doubled ${doubled}${lost + doubled > 0 ? ` (${ledgers.join(', ')})` : ''}; ` +
    `${epochsBack} epochs back; journals: ${identical} identical (${torn} torn), ${differ.length} differ ${differ.join(' | ')}` +
    (complaints.length > 0 ? `; complaints: ${complaints.slice(0, 5).join(' | ')}` : '')
  )
}
