// Which profile serves which kind.
import type { Kind } from '../model/policy.ts'
import { customProfile } from './customProfile.ts'
import { httpProfile } from './httpProfile.ts'
import type { ServiceProfile } from './serviceProfile.ts'

/** A cache hands back what was put in, a stored 503 included, so its values are never judged. */
const PROFILES: Readonly<Record<Kind, ServiceProfile>> = {
  openai: httpProfile('openai'),
  perplexity: httpProfile('perplexity'),
  lightrag: httpProfile('lightrag'),
  cache: customProfile('cache'),
  embedding: httpProfile('embedding'),
  'knowledge-base': httpProfile('knowledge-base'),
  http: httpProfile('http'),
  custom: customProfile('custom'),
}

export function profileFor(kind: Kind): ServiceProfile {
  return PROFILES[kind]
}
