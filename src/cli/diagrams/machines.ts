// Every machine that is drawn: the one list that diagrams, tables and their checks go by.
import type { AnyStateMachine } from 'xstate'
import { breakerMachine } from '../../machines/breakerMachine.ts'
import { leaderMachine } from '../../machines/leaderMachine.ts'
import { orchestratorMachine } from '../../machines/orchestratorMachine.ts'

/** How grave a state is to a caller; it gives the box its colour. */
export type Tone = 'well' | 'warned' | 'limited' | 'shut' | 'trial' | 'away'

export interface DrawnMachine {
  /** Name of the machine's file, and of the files drawn from it. */
  readonly name: string
  readonly machine: AnyStateMachine
  /** Events that say nothing about how the machine works, such as the one that puts it back where it stood. */
  readonly leaveOut?: readonly string[]
  /** Guards that only repeat what the arrow's target says already. */
  readonly quietGuards?: readonly string[]
  /** Actions every transition has, which would only be in the way. */
  readonly quietActions?: readonly string[]
  readonly tones?: Readonly<Record<string, Tone>>
  /** Paths of states from top to bottom of the picture, or of the state around them, as far as their order matters. */
  readonly rows?: readonly (readonly string[])[]
  /** What a second, simpler picture shows: the top states, and the arrows a newcomer needs. */
  readonly overview?: Overview
}

export interface Overview {
  /** `from → to`; each must be in the machine, or drawing fails. */
  readonly arrows: readonly string[]
  /** A sentence on what was left out. */
  readonly leftOut: string
}

export const DRAWN_MACHINES: readonly DrawnMachine[] = [
  {
    name: 'breakerMachine',
    machine: breakerMachine,
    leaveOut: ['restore'],
    quietGuards: ['leadsTo', 'wasIn'],
    quietActions: ['enter', 'note'],
    tones: {
      closed: 'well',
      degraded: 'warned',
      rateLimited: 'limited',
      budgetLimited: 'limited',
      open: 'shut',
      halfOpen: 'trial',
      maintenance: 'away',
    },
    rows: [['closed'], ['degraded', 'rateLimited', 'budgetLimited'], ['open', 'maintenance'], ['halfOpen']],
    overview: {
      arrows: [
        'closed → open',
        'closed → degraded',
        'closed → rateLimited',
        'closed → budgetLimited',
        'degraded → open',
        'degraded → closed',
        'rateLimited → closed',
        'budgetLimited → closed',
        'open → halfOpen',
        'halfOpen → open',
        'halfOpen → closed',
        'maintenance → halfOpen',
      ],
      leftOut:
        'Not drawn: where a graver or a hidden condition still stands, a state is left for that condition’s state instead.',
    },
  },
  {
    name: 'orchestratorMachine',
    machine: orchestratorMachine,
    leaveOut: ['restore'],
    quietGuards: ['turns'],
    tones: {
      supervising: 'well',
      'supervising.system.healthy': 'well',
      'supervising.system.degraded': 'warned',
      'supervising.system.critical': 'limited',
      'supervising.system.emergency': 'shut',
      'supervising.recovery.recovering': 'trial',
      stopped: 'away',
    },
    rows: [
      ['supervising', 'supervising.system.healthy', 'supervising.recovery.idle'],
      ['stopped', 'supervising.system.degraded', 'supervising.recovery.recovering'],
      ['supervising.system.critical'],
      ['supervising.system.emergency'],
    ],
  },
  {
    name: 'leaderMachine',
    machine: leaderMachine,
    quietActions: ['awaitAnswer', 'noteHolder', 'wait', 'hold', 'standDown', 'rest'],
    tones: { following: 'well', campaigning: 'trial', leading: 'warned', deposed: 'shut', stopped: 'away' },
    rows: [['following', 'stopped'], ['campaigning'], ['leading', 'deposed']],
  },
]
