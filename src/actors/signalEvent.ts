// From a signal to the event the machine hears.
import type { BreakerEvent } from '../model/breaker/events.ts'
import type { Signal } from '../model/signals.ts'
import type { WindowStats } from '../model/stats.ts'

export function signalEvent(signal: Signal, at: number, stats: WindowStats): BreakerEvent {
  switch (signal.kind) {
    case 'limit':
      return { type: 'limit.hit', at, limit: signal, stats }
    case 'limitCleared':
      return { type: 'limit.cleared', at }
    case 'budget':
      return { type: 'budget.limited', at, budget: signal }
    case 'budgetCleared':
      return { type: 'budget.cleared', at, rule: signal.rule }
    case 'stalled':
      return { type: 'calls.stalled', at, stalled: signal.calls, stats }
    case 'fleetTrip':
      return { type: 'fleet.tripped', at, trip: signal, stats }
    case 'health':
      return { type: 'health.changed', at, level: signal.level, why: signal.reason }
  }
}
