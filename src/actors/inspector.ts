// What a user may look at the machines with: XState's inspection events, to a function or an observer, which can harm nobody. Used
// wherever a root actor is made: by the board, and by a node that stands for election.
import type { InspectionEvent, Observer } from 'xstate'
import { warnOfThrown } from '../bus/thrownWarning.ts'

export type Inspector = Observer<InspectionEvent> | ((event: InspectionEvent) => void)

/** For the options of `createActor`. XState calls its inspectors in the middle of a step; one that throws would take a call down. */
export function inspectedBy(inspect: Inspector | undefined): { inspect?: (event: InspectionEvent) => void } {
  if (!inspect) return {}
  let warned = false
  return {
    inspect(event) {
      try {
        if (typeof inspect === 'function') inspect(event)
        else inspect.next?.(event)
      } catch (error) {
        if (warned) return
        warned = true
        warnOfThrown('the inspector', error)
      }
    },
  }
}
