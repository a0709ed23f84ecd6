// The profile of knowledge bases, vector databases and search engines: an HTTP API, and of its answers whether they found
// anything. Scores are not compared: what is a good one is a matter of each engine, its metric and its model.
import type { Measurement } from '../model/measurement.ts'
import type { ServiceSettings } from '../model/settings.ts'
import { answerBody } from './answerBody.ts'
import { readField } from './foreignValue.ts'
import { httpProfile } from './http/httpProfile.ts'
import { plainMonitoring } from './plainMonitoring.ts'
import type { ServiceProfile } from './serviceProfile.ts'

/**
 * Where the lists of results are: Pinecone `matches`; Qdrant `result`, or `result.points`; Elasticsearch and OpenSearch `hits.hits`;
 * Meilisearch and Typesense `hits`; Azure AI Search `value`; Bedrock `retrievalResults`; elsewhere `results`, `documents`.
 */
const LISTS: readonly (readonly string[])[] = [
  ['matches'],
  ['hits', 'hits'],
  ['hits'],
  ['result', 'points'],
  ['result'],
  ['retrievalResults'],
  ['results'],
  ['documents'],
  ['value'],
]

export function knowledgeBaseProfile(settings: Pick<ServiceSettings, 'memoryLimit'>): ServiceProfile {
  return {
    ...httpProfile('knowledge-base'),
    kind: 'knowledge-base',
    measure: found,
    monitoring: plainMonitoring(settings),
  }
}

/** 1: something was found, 0: nothing. Undefined for an answer that is no list of results. */
function found(value: unknown): Measurement | undefined {
  const body = answerBody(value)
  for (const [first, second] of LISTS) {
    const outer = readField(body, first as string)
    const list = second === undefined ? outer : readField(outer, second)
    if (Array.isArray(list)) return { operation: 'search', quality: list.length > 0 ? 1 : 0 }
  }
  return undefined
}
