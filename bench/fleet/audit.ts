// What must hold after every fault: no call failed or was refused because of the bus, every nanodollar is counted once, and every
// journal replays as it was.
import { existsSync } from 'node:fs'
import { connect } from '@nats-io/transport-node'
import { journalNodes, readJetstreamJournal } from '../../src/bus/nats/jetstreamReader.ts'
import { replayEntries, replayJournal } from '../../src/replay/replayJournal.ts'
import type { TrialFleet } from './trialFleet.ts'

export interface Audit {
  readonly calls: number
  /** That ended in an error of neither the stub nor a breaker. */
  readonly broken: number
  /** Refused though nothing was the matter. */
  readonly blocked: number
  /** ms that a call took beside the stub, at most. */
  readonly slowest: number
  readonly p999: number
  /** Nanodollars. */
  readonly spent: number
  readonly lost: number
  readonly doubled: number
  /** A directive of an older leader that was obeyed after one of a younger. */
  readonly epochsBack: number
  readonly journals: {
    readonly identical: number
    readonly torn: number
    readonly differ: readonly string[]
    readonly records: number
  }
  /** What each node believes the fleet to have spent, nanodollars. */
  readonly ledgers: readonly string[]
  /** What breakers did, where something went wrong. */
  readonly untimely: readonly string[]
  readonly complaints: readonly string[]
}

/** Ends the fleet, and looks at what it leaves. */
export async function audit(fleet: TrialFleet, isHarmed: boolean): Promise<Audit> {
  for (const member of fleet.members) member.tell({ do: 'rate', perSecond: 0 })
  await settle(fleet)
  await fleet.stopAll()
  const { past } = fleet
  const calls = past.map(({ latest }) => latest?.calls)
  const sum = (of: (one: NonNullable<(typeof calls)[number]>) => number): number =>
    calls.reduce((all, one) => all + (one ? of(one) : 0), 0)
  const spent = truth(fleet)
  const known = fleet.members.map(({ latest }) => latest?.fleetSpent ?? 0)
  return {
    calls: sum(({ made }) => made),
    broken: sum(({ broken }) => broken),
    blocked: sum(({ blocked }) => blocked),
    slowest: Math.max(...calls.map((one) => one?.slowest ?? 0)),
    p999: Math.max(...calls.map((one) => one?.p999 ?? 0)),
    spent,
    lost: Math.max(...known.map((one) => Math.max(0, spent - one))),
    doubled: Math.max(...known.map((one) => Math.max(0, one - spent))),
    epochsBack: past.reduce((all, { latest }) => all + (latest?.epochsBack ?? 0), 0),
    journals: await journals(fleet),
    ledgers: fleet.members.map(({ node, latest }) => `${node} ${latest?.fleetSpent ?? 'unknown'}`),
    untimely: isHarmed || calls.some((one) => one !== undefined && one.blocked > 0) ? past.flatMap(lastWords) : [],
    complaints: past.flatMap(({ node, complaints }) =>
      complaints
        .split('\n')
        .filter(isError)
        .map((line) => `${node}: ${line}`),
    ),
  }
}

/** What all calls of all processes have cost. */
function truth({ past }: TrialFleet): number {
  return past.reduce((all, { spent }) => all + spent, 0)
}

/** Until all know the same, which must be the truth; what is missing after ten seconds is lost. */
async function settle(fleet: TrialFleet): Promise<void> {
  const know = (): number | undefined =>
    fleet.members.every(({ latest }) => latest?.fleetSpent === truth(fleet)) ? 0 : undefined
  await new Promise((resolve) => setTimeout(resolve, 500))
  await fleet.until('the ledger', 10_000, know).catch(() => undefined)
}

async function journals({ past, servers, name: fleet }: TrialFleet): Promise<Audit['journals']> {
  let [identical, torn, records] = [0, 0, 0]
  const differ: string[] = []
  const look = async (name: string, replay: () => ReturnType<typeof replayJournal>): Promise<void> => {
    try {
      const found = await replay()
      records += found.inputs
      if (found.torn) torn++
      if (found.differences === 0 && found.sessions > 0) identical++
      else
        differ.push(`${name}: ${found.sessions === 0 ? 'empty' : JSON.stringify(found.first ?? found.differences).slice(0, 600)}`)
    } catch (error) {
      differ.push(`${name}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  const files = past.flatMap(({ settings: { file, journal } }) => (journal === 'file' || journal === 'both' ? file : []))
  for (const file of new Set(files)) {
    if (existsSync(file)) {
      await look(file.slice(file.lastIndexOf('/') + 1), () => replayJournal(file, { rotated: true }))
    }
  }
  const client = await connect({ servers: servers.map(({ url }) => url) })
  try {
    for (const node of await journalNodes(client, fleet)) {
      await look(`stream ${node}`, async () => {
        let cut = false
        const batches = readJetstreamJournal({ client, fleet, node, name: node, onTorn: () => (cut = true) })
        const replayed = await replayEntries(node, batches)
        return { ...replayed, torn: cut ? { file: node, line: 0, bytes: 0 } : undefined }
      })
    }
  } finally {
    await client.close()
  }
  return { identical, torn, differ, records }
}

function lastWords({ node, moments }: TrialFleet['past'][number]): string[] {
  return moments.flatMap((one) => {
    if (one.type === 'moved') return `${one.at.toFixed(0)} ${node} ${one.service} ${one.from} ${one.to} ${one.reason}`
    return one.type === 'alert' ? `${one.at.toFixed(0)} ${node} ${one.code} ${one.message}` : []
  })
}

function isError(line: string): boolean {
  return /error|uncaught|throw/i.test(line) && !/Warning/.test(line)
}
