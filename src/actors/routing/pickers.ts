// The five strategies: each picks one of the first `count` of `lanes`, all of which admit. They may reorder those, and allocate
// nothing. The router asks them.
import type { Random } from '../../model/random.ts'
import type { Strategy } from '../../model/route.ts'
import type { Lane } from './lane.ts'

export interface PickContext {
  /** Epoch ms. */
  readonly at: number
  readonly random: Random
  /** What a call costs at a backend on the mean, dollars; undefined where nobody knows. */
  readonly meanCost: (service: string) => number | undefined
}

export type Picker = (lanes: Lane[], count: number, context: PickContext) => Lane

export const PICKERS: Readonly<Record<Strategy, Picker>> = {
  // Equal turns, less where the state leaves less.
  'round-robin': (lanes, count) => inTurn(lanes, count, shareOf),
  weighted: (lanes, count) => inTurn(lanes, count, dueOf),
  'least-in-flight': (lanes, count) => inTurn(lanes, leastFirst(lanes, count, crowding, 0), dueOf),
  'peak-ewma': quickerOfTwo,
  cheapest,
}

/**
 * Smooth weighted round robin, as nginx has it: everyone gains their weight, whoever is furthest ahead is picked and pays for
 * all. Over as many picks as the weights sum up to, each is picked exactly as often as its weight says, spread evenly.
 */
function inTurn(lanes: readonly Lane[], count: number, weightOf: (lane: Lane) => number): Lane {
  let best = lanes[0]!
  let total = 0
  for (let i = 0; i < count; i++) {
    const lane = lanes[i]!
    const weight = weightOf(lane)
    lane.turn += weight
    total += weight
    if (lane.turn > best.turn) best = lane
  }
  best.turn -= total
  return best
}

/** The power of two choices: the better of two drawn at random, so that not all run to the one that looks best. */
function quickerOfTwo(lanes: readonly Lane[], count: number, { at, random }: PickContext): Lane {
  if (count === 1) return lanes[0]!
  const first = Math.floor(random.next() * count)
  const second = Math.floor(random.next() * (count - 1))
  const one = lanes[first]!
  const other = lanes[second < first ? second : second + 1]!
  return other.load(at) / other.due < one.load(at) / one.due ? other : one
}

/** The cheapest; one that is not well leaves a part of its turns to the next cheapest. */
function cheapest(lanes: Lane[], count: number, context: PickContext): Lane {
  const cost = isKnownOfAll(lanes, count, context) ? measuredCost : configuredCost
  for (let left = count; ; left--) {
    const lane = inTurn(lanes, leastFirst(lanes, left, cost, context), weightOf)
    if (left === 1 || lane.takesTurn()) return lane
    lanes[lanes.indexOf(lane)] = lanes[left - 1]!
    lanes[left - 1] = lane
  }
}

/** Dollars that were measured are not to be held against a figure in whatever unit the route was configured with. */
function isKnownOfAll(lanes: readonly Lane[], count: number, { meanCost }: PickContext): boolean {
  for (let i = 0; i < count; i++) if (meanCost(lanes[i]!.backend.service) === undefined) return false
  return true
}

/** Puts those for which `measure` is least first; returns how many they are. */
function leastFirst<Context>(
  lanes: Lane[],
  count: number,
  measure: (lane: Lane, context: Context) => number,
  context: Context,
): number {
  let least = Number.POSITIVE_INFINITY
  let tied = 0
  for (let i = 0; i < count; i++) {
    const lane = lanes[i]!
    const value = measure(lane, context)
    if (value > least) continue
    if (value < least) tied = 0
    least = value
    lanes[i] = lanes[tied]!
    lanes[tied++] = lane
  }
  return tied
}

const shareOf = (lane: Lane): number => lane.share
const dueOf = (lane: Lane): number => lane.due
const weightOf = ({ backend }: Lane): number => backend.weight || 1
const crowding = (lane: Lane): number => lane.inFlight / lane.due
const configuredCost = ({ backend }: Lane): number => backend.cost
const measuredCost = ({ backend }: Lane, { meanCost }: PickContext): number => meanCost(backend.service)!
