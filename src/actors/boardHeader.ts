// What a board is at one moment, as the first line of a journal file: enough for a replay or a restart to go on from it. Used by
// the board.
import type { OrchestratorContext } from '../model/orchestrator/context.ts'
import { BEHAVIOUR, type HeaderReason, type HeaderRecord } from '../model/records.ts'
import type { Breaker } from './breaker.ts'

export interface BoardStand {
  readonly breakers: Iterable<Breaker>
  /** What the orchestrator knows. */
  readonly context: OrchestratorContext
  /** Whole epoch ms. */
  now(): number
}

export interface HeaderParts {
  readonly seed: number
  readonly software: string
  /** What was spent by now; absent: no budgets are kept. */
  readonly spend?: (() => unknown) | undefined
}

export function headerOf(board: BoardStand, parts: HeaderParts, reason: HeaderReason, dropped: number | undefined): HeaderRecord {
  const breakers = [...board.breakers]
  return {
    type: 'header',
    format: 'switchgear-journal',
    version: 1,
    behaviour: BEHAVIOUR,
    reason,
    startedAt: board.now(),
    software: parts.software,
    seed: parts.seed,
    services: Object.fromEntries(breakers.map(({ service, kind, policy }) => [service, { kind, policy }])),
    saved: breakers.map((breaker) => breaker.save()),
    ...orchestration(board.context),
    ...(parts.spend === undefined ? undefined : { spend: parts.spend() }),
    ...(dropped === undefined ? undefined : { dropped }),
  }
}

function orchestration({ config, ...saved }: OrchestratorContext): Pick<HeaderRecord, 'orchestrator'> {
  return config ? { orchestrator: { config, saved } } : {}
}
