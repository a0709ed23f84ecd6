// What is asked of a service, asked of its keys as well: level and share, not a hold, as keys recover by themselves. A key is told
// when it is next used or looked at, as telling ten thousand at once would hold up every call. Used by keyedBreakers.ts.
import { asksTheSame, inForce, released } from '../model/orchestrator/desired.ts'
import { together } from '../model/orchestrator/told.ts'
import type { Directive } from '../model/signals.ts'
import type { Breaker } from './breaker.ts'

/** What a key was told last. */
interface Told {
  /** What was asked of the service. */
  readonly ofService: Directive | undefined
  /** What a user has asked of the key itself: it counts beside that, and stands again when that has gone. */
  readonly own: Directive | undefined
  /** What came of both. */
  readonly given: Directive | undefined
}

export class KeyedDirectives {
  readonly #parent: Breaker
  /** Those who have been told something that will have to be taken back. */
  readonly #told = new Map<Breaker, Told>()

  constructor(parent: Breaker) {
    this.#parent = parent
  }

  /** Nothing is asked of the service, and no key was told anything. */
  get isIdle(): boolean {
    return this.#told.size === 0 && this.#parent.context.standing.directive === undefined
  }

  /**
   * Sees to it that a key is asked what its service is. Told as a user tells it, and journalled as that: a replay does not know
   * when a key is looked at.
   */
  tell(breaker: Breaker, at: number): void {
    const told = this.#told.get(breaker)
    const ofService = this.#parent.context.standing.directive
    const has = breaker.context.standing.directive
    if (told && told.ofService === ofService && told.given === has) return
    const own = inForce(this.#ownOf(has, told), at)
    const asked = inForce(ofService, at)
    const epoch = Math.max(asked?.epoch ?? 0, breaker.context.directiveEpoch)
    if (asked && (asked.level > 0 || asked.admissionRatio < 1)) {
      const wanted = ofBoth(asked, own, epoch)
      if (!isSame(has, wanted)) breaker.direct(at, wanted)
      this.#told.set(breaker, { ofService, own, given: breaker.context.standing.directive })
      return
    }
    this.#told.delete(breaker)
    if (!told) return
    if (own) {
      if (!isSame(has, own)) breaker.direct(at, { ...own, epoch })
    } else if (has !== undefined && has === told.given) breaker.direct(at, released(epoch, has, at))
  }

  forget(breaker: Breaker): void {
    this.#told.delete(breaker)
  }

  /** After a restart nobody knows who told a key what; what has the rule of the service's directive came from there. */
  #ownOf(has: Directive | undefined, told: Told | undefined): Directive | undefined {
    if (told && (has === undefined || has === told.given)) return told.own
    return has?.rule === this.#parent.context.standing.directive?.rule ? undefined : has
  }
}

function ofBoth(asked: Directive, own: Directive | undefined, epoch: number): Directive {
  const { level, admissionRatio } = together(own ? [asked, own] : [asked])
  const expiresAt = Math.min(asked.expiresAt, own?.expiresAt ?? asked.expiresAt)
  return { ...asked, epoch, level, admissionRatio, hold: own?.hold ?? false, expiresAt }
}

function isSame(has: Directive | undefined, wanted: Directive): boolean {
  return asksTheSame(wanted, has) && has?.expiresAt === wanted.expiresAt
}
