// What the orchestrator wants done, done: directives, permits and commands go to breakers, the rest is told. Used by the board.

import { EVERYWHERE } from '../model/orchestrator/alerts.ts'
import type { Effect } from '../model/orchestrator/context.ts'
import type { GearEvent } from '../model/records.ts'
import type { Breaker } from './breaker.ts'
import { parentOf } from './keyedName.ts'

export interface EffectHost {
  get(service: string): Breaker | undefined
  /** Those of keys included. */
  readonly breakers: Iterable<Breaker>
  emit(event: GearEvent): void
}

export function carryOut(effect: Effect, board: EffectHost): void {
  const { at } = effect
  switch (effect.type) {
    case 'directive':
      board.get(effect.service)?.obey(at, effect.directive)
      return
    case 'permit':
      board.get(effect.service)?.permit(at)
      return
    case 'command':
      // Calls of its keys are calls of the service.
      for (const breaker of board.breakers) {
        if (parentOf(breaker.service) === effect.service) breaker.join(at, effect.command)
      }
      return
    case 'finding':
      board.emit({ type: 'finding', at, service: EVERYWHERE, finding: effect.finding, over: effect.over })
      return
    case 'told':
      board.emit(effect.record)
  }
}
