// Who stands how, gathered in one pass over the services: what rules, roots, recoveries and directives go by. Remembered for as
// long as no service moves in a way that any of them minds, as most moves are those of breakers that do as they were told.
import { STATE_PATHS, type StatePath } from '../states.ts'
import { isAway, isUseless, type OrchestratorContext, type ServiceStand } from './context.ts'
import { withAll } from './named.ts'

type Services = OrchestratorContext['services']

/** Names, in the order in which the services came. */
export interface Standing {
  readonly all: readonly string[]
  readonly failing: readonly string[]
  /** Ready to probe. */
  readonly waiting: readonly string[]
  /** Whoever depends on them has nothing to depend on. */
  readonly useless: readonly string[]
  /** Who is down does nothing that could be less, and who has just come back does little and proves itself; these are the others. */
  readonly others: readonly string[]
}

/** Looked up for each service at each move: asked of the words themselves, they would take most of the time. */
const USELESS: ReadonlySet<StatePath> = new Set(STATE_PATHS.filter(isUseless))
const AWAY: ReadonlySet<StatePath> = new Set(STATE_PATHS.filter(isAway))
const OTHERS: ReadonlySet<StatePath> = new Set(STATE_PATHS.filter((path) => !isAway(path) && path !== 'closed.ramping'))

const known = new WeakMap<Services, Standing>()

/** Whoever depends on it has nothing to depend on. */
export function isGone(stand: ServiceStand | undefined): boolean {
  return stand !== undefined && stand.idle !== true && USELESS.has(stand.path)
}

/** Whoever depends on it may recover. */
export function isBack(stand: ServiceStand | undefined): boolean {
  return stand === undefined || stand.idle === true || !AWAY.has(stand.path)
}

export function standingOf(services: Services): Standing {
  const before = known.get(services)
  if (before) return before
  const standing = gathered(services, Object.keys(services))
  known.set(services, standing)
  return standing
}

/** The services with some that stand as told. */
export function withStands(services: Services, stands: ReadonlyMap<string, ServiceStand>): Services {
  const standing = standingOf(services)
  const next = withAll(services, stands, standing.all)
  let [isSame, areKnown] = [true, true]
  for (const [service, stand] of stands) {
    const before = services[service]
    areKnown &&= before !== undefined
    isSame &&= before !== undefined && isAlike(before, stand)
  }
  if (areKnown) known.set(next, isSame ? standing : gathered(next, standing.all))
  return next
}

export function withStand(services: Services, service: string, stand: ServiceStand): Services {
  return withStands(services, new Map([[service, stand]]))
}

function gathered(services: Services, all: readonly string[]): Standing {
  const failing: string[] = []
  const waiting: string[] = []
  const useless: string[] = []
  const others: string[] = []
  for (const service of all) {
    const stand = services[service]!
    const { path } = stand
    if (stand.failing) failing.push(service)
    if (path === 'open.awaitingPermit') waiting.push(service)
    if (isGone(stand)) useless.push(service)
    if (OTHERS.has(path)) others.push(service)
  }
  return { all, failing, waiting, useless, others }
}

function isAlike(one: ServiceStand, other: ServiceStand): boolean {
  return (
    one.failing === other.failing &&
    one.idle === other.idle &&
    (one.path === other.path || (isAtWork(one.path) && isAtWork(other.path)))
  )
}

function isAtWork(path: StatePath): boolean {
  return OTHERS.has(path) && !USELESS.has(path)
}
