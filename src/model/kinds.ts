// The kinds of services: those that are built in, those that users registered, and what each takes for granted where the
// user of a service says nothing. A kind's profile (src/services/) adds what is known of its answers.

export const KINDS = ['openai', 'perplexity', 'lightrag', 'cache', 'embedding', 'knowledge-base', 'http', 'custom'] as const
export type BuiltInKind = (typeof KINDS)[number]

declare const registered: unique symbol
/** A kind that `registerKind` has made known; its name is a string that only that function gives this type. */
export type RegisteredKind = string & { readonly [registered]: true }
export type Kind = BuiltInKind | RegisteredKind

/** What a kind's services start from; every value can be set for the single service. */
export interface KindDefaults {
  /** Failures in a row that trip. */
  readonly failuresToTrip: number
  readonly recoverySeconds: number
  readonly windowSeconds: number
  readonly slowCallSeconds: number
  /** False where a call's latency depends on what is asked, so that a long call says nothing. */
  readonly steadyLatency: boolean
  /** Degradation levels, from 1 on, at which only fallbacks answer. */
  readonly fallbackOnlyFrom?: 1 | 2 | 3
  /** The mean quality of the last answers, 0–1, below which the service counts as degraded; `false`: quality is not judged. */
  readonly qualityFloor: number | false
}

const OF_KIND: ReadonlyMap<string, KindDefaults> = new Map(
  Object.entries({
    openai: { ...seconds(3, 30, 60, 15), steadyLatency: false, fallbackOnlyFrom: 3, qualityFloor: false },
    perplexity: { ...seconds(4, 45, 300, 20), steadyLatency: false, fallbackOnlyFrom: 3, qualityFloor: 0.7 },
    lightrag: { ...seconds(5, 120, 60, 30), steadyLatency: false, qualityFloor: 0.6 },
    cache: { ...seconds(8, 30, 60, 5), steadyLatency: true, qualityFloor: false },
    embedding: { ...seconds(5, 60, 60, 10), steadyLatency: true, qualityFloor: false },
    'knowledge-base': { ...seconds(8, 60, 60, 25), steadyLatency: false, qualityFloor: false },
    http: { ...seconds(5, 60, 60, 30), steadyLatency: true, qualityFloor: false },
    custom: { ...seconds(5, 60, 60, 30), steadyLatency: true, qualityFloor: false },
  } satisfies Record<BuiltInKind, KindDefaults>),
)

const registry = new Map<string, KindDefaults>()

/** The defaults of `kind`; those of `custom` for one that this process does not know (from another process's journal, say). */
export function kindDefaults(kind: Kind): KindDefaults {
  return (OF_KIND.get(kind) ?? registry.get(kind) ?? OF_KIND.get('custom')) as KindDefaults
}

export function isKind(name: string): name is Kind {
  return OF_KIND.has(name) || registry.has(name)
}

export function isBuiltIn(name: string): name is BuiltInKind {
  return OF_KIND.has(name)
}

/** Every name that is a kind now. */
export function kindNames(): readonly string[] {
  return [...OF_KIND.keys(), ...registry.keys()]
}

/** Makes `name` a kind of this process, with the defaults of `like` and others laid over. Doing so again replaces it. */
export function defineKind(name: string, like: BuiltInKind, defaults: Partial<KindDefaults> = {}): RegisteredKind {
  registry.set(name, { ...kindDefaults(like), ...defaults })
  return name as RegisteredKind
}

function seconds(failuresToTrip: number, recoverySeconds: number, windowSeconds: number, slowCallSeconds: number) {
  return { failuresToTrip, recoverySeconds, windowSeconds, slowCallSeconds }
}
