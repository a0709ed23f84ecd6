// Which profile serves which kind, and how users register kinds of their own.
import { ConfigError } from '../model/errors.ts'
import { type BuiltInKind, defineKind, isBuiltIn, type Kind, type KindDefaults, type RegisteredKind } from '../model/kinds.ts'
import { resolveSettings, type ServiceSettings } from '../model/settings.ts'
import { cacheProfile } from './cache/cacheProfile.ts'
import { customProfile } from './customProfile.ts'
import { embeddingProfile } from './embedding/embeddingProfile.ts'
import { httpProfile } from './http/httpProfile.ts'
import { checkedDefaults } from './kindDefaults.ts'
import { knowledgeBaseProfile } from './knowledgeBaseProfile.ts'
import { lightragProfile } from './lightrag/lightragProfile.ts'
import { openaiProfile } from './openai/openaiProfile.ts'
import { perplexityProfile } from './perplexity/perplexityProfile.ts'
import { plainMonitoring } from './plainMonitoring.ts'
import type { ServiceProfile } from './serviceProfile.ts'

/** A profile is made for each service, as it judges by the service's settings. */
export type ProfileMaker = (settings: ServiceSettings) => ServiceProfile

const BUILT_IN: Readonly<Record<BuiltInKind, ProfileMaker>> = {
  openai: (settings) => openaiProfile(settings),
  perplexity: perplexityProfile,
  lightrag: lightragProfile,
  cache: cacheProfile,
  embedding: embeddingProfile,
  'knowledge-base': knowledgeBaseProfile,
  http: (settings) => ({ ...httpProfile('http'), monitoring: plainMonitoring(settings) }),
  custom: (settings) => ({ ...customProfile('custom'), monitoring: plainMonitoring(settings) }),
}

const registry = new Map<string, ProfileMaker>()

/** The profile of a service of `kind`; the generic one for a kind this process does not know. */
export function profileFor(kind: Kind, settings: ServiceSettings = resolveSettings(kind)): ServiceProfile {
  const make = isBuiltIn(kind) ? BUILT_IN[kind] : registry.get(kind)
  return make ? make(settings) : customProfile(kind)
}

export interface KindDefinition {
  /** 1 to 64 letters, digits, _ and -. */
  readonly name: string
  /** The built-in kind whose defaults and profile it starts from; `http` if absent. */
  readonly like?: BuiltInKind
  /** What its services start from, laid over those of `like`. */
  readonly defaults?: Partial<KindDefaults>
  /** What is known of its answers, laid over the profile of `like`. */
  readonly profile?:
    | Partial<Omit<ServiceProfile, 'kind'>>
    | ((settings: ServiceSettings) => Partial<Omit<ServiceProfile, 'kind'>>)
}

/**
 * Makes a kind of your own known to this process, under which services can then be configured; returns its name, typed so that
 * `kind` takes it. Register before `createSwitchgear` and before replaying a journal with such services. Throws a ConfigError
 * for a name that is built in or cannot be one, and for defaults that no policy could start from.
 */
export function registerKind(definition: KindDefinition): RegisteredKind {
  const { name, like = 'http', defaults = {}, profile = {} } = definition
  if (typeof name !== 'string' || !/^[A-Za-z0-9_-]{1,64}$/.test(name)) {
    throw new ConfigError('name', name, '1 to 64 letters, digits, _ and -')
  }
  if (isBuiltIn(name)) throw new ConfigError('name', name, 'a name that no built-in kind has')
  if (!isBuiltIn(like)) throw new ConfigError('like', like, `one of ${Object.keys(BUILT_IN).join(', ')}`)
  const kind = defineKind(name, like, checkedDefaults(defaults))
  registry.set(name, (settings) => ({
    ...BUILT_IN[like](settings),
    ...(typeof profile === 'function' ? profile(settings) : profile),
    kind,
  }))
  return kind
}
