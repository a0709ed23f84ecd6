// How a demo is watched. A view is told what the script does, every transition and every alert, and is asked now and then to
// show the rest.
import type { AlertRecord, TransitionRecord } from '../../model/records.ts'

export interface DemoView {
  /** The script goes on. */
  said(what: string): void
  moved(transition: TransitionRecord): void
  alerted(alert: AlertRecord): void
  /** Time has passed: about ten times a second. */
  tick(): void
  /** The incident is over, or was broken off. */
  end(): void
}

/** For scripts that want the result only. */
export const noView: DemoView = { said() {}, moved() {}, alerted() {}, tick() {}, end() {} }
