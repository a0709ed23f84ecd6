// An orchestrator's context to ask questions of, and one that lives through events. Used by the tests beside it.
import { parseConfig } from '../../../src/model/config.ts'
import type { OrchestratorInput, PlaceInput } from '../../../src/model/orchestrator/config.ts'
import {
  type Effect,
  initialContext,
  type OrchestratorContext,
  type ServiceStand,
  type SupervisorEvent,
} from '../../../src/model/orchestrator/context.ts'
import { supervise } from '../../../src/model/orchestrator/supervise.ts'
import type { Directive } from '../../../src/model/signals.ts'
import type { StatePath } from '../../../src/model/states.ts'

export type Places = Readonly<Record<string, PlaceInput>>

/** Four of a kind, of whom nobody depends on anybody. */
export const FOUR: Places = { a: {}, b: {}, c: {}, d: {} }
/** web → search → database, and one on its own. */
export const CHAINED: Places = { database: {}, search: { dependsOn: ['database'] }, web: { dependsOn: ['search'] }, mail: {} }

/** Who stands elsewhere than in `closed.watching`; one that is open or comes from there is failing. */
export function contextOf(
  places: Places,
  paths: Readonly<Record<string, StatePath>> = {},
  rest: Partial<OrchestratorContext> = {},
  orchestrator?: OrchestratorInput,
): OrchestratorContext {
  const services = Object.fromEntries(
    Object.keys(places).map((name): [string, ServiceStand] => {
      const path = paths[name] ?? 'closed.watching'
      return [name, { path, since: 0, failing: path.startsWith('open') || path === 'halfOpen' }]
    }),
  )
  const { orchestrator: config } = parseConfig({ services: { ...places }, ...(orchestrator && { orchestrator }) })
  return { ...initialContext(config, 0), services, ...rest }
}

export const ASKED: Directive = {
  epoch: 1,
  level: 1,
  admissionRatio: 1,
  hold: false,
  expiresAt: 30_000,
  rule: 'ours',
  reason: 'a drill',
}

export interface Life {
  readonly context: OrchestratorContext
  /** What the orchestrator does about it. */
  hears(event: SupervisorEvent): readonly Effect[]
  moves(at: number, service: string, to: StatePath): readonly Effect[]
  looks(at: number, counted?: Partial<Extract<SupervisorEvent, { type: 'review' }>>): readonly Effect[]
}

export function life(places: Places, orchestrator?: OrchestratorInput): Life {
  let context = { ...contextOf(places, {}, {}, orchestrator), services: {} as OrchestratorContext['services'] }
  const hears: Life['hears'] = (event) => {
    const after = supervise(context, event)
    context = after.context
    return after.effects
  }
  for (const service of Object.keys(places)) hears({ type: 'breaker.added', at: 0, service })
  return {
    get context() {
      return context
    },
    hears,
    moves: (at, service, to) => {
      const from = context.services[service]?.path ?? 'closed.watching'
      return hears({ type: 'breaker.moved', at, service, from, to })
    },
    looks: (at, counted = {}) =>
      hears({ type: 'review', at, calls: 0, services: {}, failed: {}, idle: [], verdicts: [], ...counted }),
  }
}

/** `a: 1 ×0.5 held (rule)`; permits and alerts beside them. */
export function said(effects: readonly Effect[]): string[] {
  return effects.map(wordsOf)
}

function wordsOf(effect: Effect): string {
  switch (effect.type) {
    case 'directive': {
      const { level, admissionRatio, hold, rule } = effect.directive
      return `${effect.service}: ${level}${admissionRatio < 1 ? ` ×${admissionRatio}` : ''}${hold ? ' held' : ''} (${rule})`
    }
    case 'permit':
      return `${effect.service} may probe`
    case 'command':
      return `${effect.service}: ${effect.command.name}`
    case 'finding':
      return `${effect.over ? 'over' : 'found'}: ${effect.finding.pattern}`
    case 'told': {
      const { record } = effect
      return record.type === 'system' ? `${record.from} → ${record.to}` : `${record.level}: ${record.message}`
    }
  }
}
