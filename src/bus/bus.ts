// The bus carries events between the parts of a board, and, with other implementations, between processes.
import type { GearEvent, GearEventType } from '../model/records.ts'

export type Listener = (event: GearEvent) => void

export interface Bus {
  /** Hands `event` to every listener; never throws, never blocks. */
  publish(event: GearEvent): void
  /** True when someone listens for `type`, so that nobody builds an event for nobody. */
  wants(type: GearEventType): boolean
  /** Listens for the events of one type, or all of them; returns the way to stop. */
  subscribe(type: GearEventType | '*', listener: Listener): () => void
  close(): Promise<void>
}
