// What `switchgear replay nats://…` does: reads the journals of a fleet's nodes from their stream and replays each by itself.
import { journalNodes, readJetstreamJournal } from '../../bus/nats/jetstreamReader.ts'
import { systemClock } from '../../model/clock.ts'
import { JournalError } from '../../model/errors.ts'
import { type JournalReplay, replayEntries } from '../../replay/replayJournal.ts'
import { CommandFailure, inOneLine } from '../commandFailure.ts'
import { busConfigOf, type ConnectionFlags } from '../fleet/connectionFlags.ts'
import { type Bus, openBus } from '../fleet/openBus.ts'
import { interruption } from '../interruption.ts'
import { type Style, styleFor } from '../terminal/style.ts'
import { ReplayProgress } from './replayProgress.ts'
import { replayReport } from './replayReport.ts'
import { type StreamAddress, streamAddress } from './streamAddress.ts'

export interface FleetReplayFlags extends ConnectionFlags {
  readonly json?: boolean
}

const DIFFERS = 1
const UNREADABLE = 2

type Outcome =
  | ({ readonly node: string; readonly result: 'identical' | 'differs' } & JournalReplay)
  | { readonly node: string; readonly result: 'unreadable'; readonly line?: number; readonly reason: string }

export async function runFleetReplay(url: string, flags: FleetReplayFlags): Promise<void> {
  const address = streamAddress(url)
  const { server, fleet } = address
  const stopped = interruption()
  const options = { name: 'switchgear replay', persistent: true, signal: stopped }
  const bus = await openBus(busConfigOf({ ...flags, server, fleet }), options)
  try {
    const nodes = address.node === undefined ? await nodesOf(bus, address) : [address.node]
    const outcomes: Outcome[] = []
    for (const node of nodes) {
      const outcome = await replayNode(bus, { ...address, node }, stopped)
      if (stopped.aborted) return
      outcomes.push(outcome)
      if (flags.json !== true) console.log(words(outcome, nodes.length > 1, styleFor(process.stdout)))
    }
    if (flags.json === true) console.log(JSON.stringify({ result: worst(outcomes), file: `${server}/${fleet}`, nodes: outcomes }))
    conclude(outcomes)
  } finally {
    await bus.close()
  }
}

async function nodesOf(bus: Bus, { server, fleet }: StreamAddress): Promise<string[]> {
  let nodes: string[]
  try {
    nodes = await journalNodes(bus.client, fleet)
  } catch (error) {
    throw new CommandFailure(`${server}/${fleet}: ${inOneLine(error)}`, UNREADABLE, { cause: error })
  }
  if (nodes.length === 0) throw new CommandFailure(`${server}/${fleet}: the fleet has no journal there`, UNREADABLE)
  return nodes
}

async function replayNode(
  bus: Bus,
  { server, fleet, node, from, to }: StreamAddress & { readonly node: string },
  stopped: AbortSignal,
): Promise<Outcome> {
  const name = `${server}/${fleet}?node=${node}`
  const progress = new ReplayProgress(systemClock, process.stderr)
  let torn: JournalReplay['torn']
  const batches = readJetstreamJournal({
    client: bus.client,
    fleet,
    node,
    name,
    ...(from === undefined ? undefined : { from }),
    ...(to === undefined ? undefined : { to }),
    onTorn: ({ sequence, bytes }) => {
      torn = { file: name, line: sequence, bytes }
    },
  })
  try {
    const replayed = await replayEntries(name, batches, (records) => {
      stopped.throwIfAborted()
      progress.show(records)
    })
    if (replayed.sessions === 0) return { node, result: 'unreadable', reason: 'there is no journal of this node' }
    return { node, result: replayed.differences === 0 ? 'identical' : 'differs', ...replayed, torn }
  } catch (error) {
    if (error instanceof JournalError) return { node, result: 'unreadable', line: error.line, reason: error.problem }
    return { node, result: 'unreadable', reason: inOneLine(error) }
  } finally {
    progress.clear()
  }
}

function words(outcome: Outcome, named: boolean, style: Style): string {
  const name = named ? `${outcome.node}: ` : ''
  if (outcome.result !== 'unreadable') return `${name}${replayReport(outcome, style)}`
  const place = outcome.line === undefined ? '' : `message ${outcome.line}: `
  return style.red(`${name}replay: unreadable (${place}${outcome.reason})`)
}

function worst(outcomes: readonly Outcome[]): Outcome['result'] {
  const results = new Set(outcomes.map(({ result }) => result))
  return results.has('unreadable') ? 'unreadable' : results.has('differs') ? 'differs' : 'identical'
}

/** The exit code, by the worst of them; what cannot be read is an error, in one line. */
function conclude(outcomes: readonly Outcome[]): void {
  const result = worst(outcomes)
  if (result === 'differs') process.exitCode = DIFFERS
  if (result !== 'unreadable') return
  const unreadable = outcomes.filter((outcome) => outcome.result === 'unreadable')
  const told = unreadable.map(({ node, line, reason }) => `${node}${line === undefined ? '' : `:${line}`}: ${reason}`)
  throw new CommandFailure(`the journal cannot be read: ${told.join('; ')}`, UNREADABLE)
}
