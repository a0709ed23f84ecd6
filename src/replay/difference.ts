// Where a replay and its recording part.
import type { GearEvent, JournalRecord, OutputRecord } from '../model/records.ts'

export interface Difference {
  /** Line of the journal, 1-based, at which it shows. */
  readonly line: number
  readonly service: string
  /** What differs, in words. */
  readonly what: string
  /** What the journal says; undefined where it says nothing. */
  readonly recorded: JournalRecord | unknown
  /** What the replay made; undefined where it made nothing. */
  readonly replayed: OutputRecord | unknown
  /** The last inputs of the service before it, oldest first, each with its line. */
  readonly trail: readonly { readonly line: number; readonly record: GearEvent }[]
}
