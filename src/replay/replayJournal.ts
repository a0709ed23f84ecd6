// Replays a journal file, or picks up from one where its last session stopped.
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { JournalKey } from '../bus/batchCipher.ts'
import { type JournalEntry, readJournal, readLastSession, type TornLine } from '../bus/journalReader.ts'
import { JournalError } from '../model/errors.ts'
import type { JournalRecord, SavedBreaker } from '../model/records.ts'
import { Replayer, type ReplayResult } from './replayer.ts'
import { shiftTimes } from './shiftTimes.ts'

export interface ReplayOptions {
  /** The key of an encrypted journal. */
  readonly key?: JournalKey
  /** Reads the rotated files before `file` too. */
  readonly rotated?: boolean
  /** Told now and then how many records have been replayed. */
  readonly onProgress?: (records: number) => void
}

export interface JournalReplay extends ReplayResult {
  /** A last line that a crash had cut short; it was skipped. */
  readonly torn: TornLine | undefined
}

/**
 * Replays `file` and compares every output with the recorded one. Throws a JournalError naming the line where the file cannot
 * be read or replayed at all.
 */
export async function replayJournal(file: string, options: ReplayOptions = {}): Promise<JournalReplay> {
  let torn: TornLine | undefined
  const reading = {
    ...(options.key === undefined ? undefined : { key: options.key }),
    rotated: options.rotated ?? false,
    onTorn: (line: TornLine) => {
      torn = line
    },
  }
  const result = await replayEntries(file, readJournal(file, reading), options.onProgress)
  return { ...result, torn }
}

/** {@link replayJournal} for a journal that is read from elsewhere; `name` is what it is called in errors. */
export async function replayEntries(
  name: string,
  batches: AsyncIterable<readonly JournalEntry[]>,
  onProgress?: (records: number) => void,
): Promise<ReplayResult> {
  const replayer = new Replayer()
  let records = 0
  for await (const batch of batches) {
    for (const { record, line } of batch) take(replayer, record, name, line)
    records += batch.length
    onProgress?.(records)
    await nextTurn()
  }
  return replayer.result()
}

/** What a board goes on from. */
export interface LastStand {
  readonly breakers: readonly SavedBreaker[]
  /** What its orchestrator remembered. */
  readonly orchestrator: unknown
}

/**
 * Where the breakers of `file`'s last session stood when it stopped; nothing when there is no journal yet. Times that lie beyond
 * `now` (epoch ms) because a clock was ahead are moved back by as much. `recall` is told every record on the way, for what else
 * is a fold of the journal.
 */
export function lastStand(file: string, now: number, key?: JournalKey, recall?: (record: JournalRecord) => void): LastStand {
  const replayer = new Replayer()
  for (const batch of readLastSession(file, key === undefined ? {} : { key })) {
    for (const { record, line } of batch) take(replayer, record, file, line, recall)
  }
  const ahead = replayer.at - now
  const stand = { breakers: replayer.saved(), orchestrator: replayer.savedOrchestrator() }
  return ahead > 0 ? shiftTimes(stand, -ahead) : stand
}

function take(
  replayer: Replayer,
  record: JournalRecord,
  file: string,
  line: number,
  recall?: (record: JournalRecord) => void,
): void {
  try {
    replayer.take(record, line)
    recall?.(record)
  } catch (error) {
    throw new JournalError(file, line, error instanceof Error ? error.message : String(error))
  }
}
