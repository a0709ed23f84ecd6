// The journal is the append-only log of what a board was told and what it made of it. Appending never blocks a call.
import type { GearEvent, HeaderRecord } from '../model/records.ts'

export interface Journal {
  /**
   * Begins a session. `header` is called at once and again for each file the journal starts by itself (rotation) and after
   * records had to be dropped (gap): it tells what the board is at that moment.
   */
  open(header: HeaderSource): Promise<void>
  /** Takes a record; it is written soon. Never throws and never blocks. */
  append(record: GearEvent): void
  /** Resolves when all that was appended before is in the operating system's hands. */
  flush(): Promise<void>
  close(): Promise<void>
}

/** Makes the header record for the given reason from what the board is now. */
export type HeaderSource = (reason: 'start' | 'rotation' | 'gap', dropped?: number) => HeaderRecord
