// What a degraded Perplexity is asked less of: a narrower search with fewer results, then fewer live searches, then nothing but
// its alternative. Simple queries go without first; what a query asks for is told by its wording (queryComplexity.ts).
//
// Only parameters that @perplexity-ai/perplexity_ai 0.38.5 types are written, and only where they ask for less than the request
// does, as the Agent API refuses a request with a field it does not know (perplexityai/api-platform-developers@228c88d).
import type { ExpectedImpact } from '../../model/degradation.ts'
import type { Overrides } from '../../model/policy.ts'
import type { CallRequest, Ladder, LadderStep, RewrittenRequest } from '../serviceProfile.ts'
import { narrowAgent } from './perplexityAgentRewrite.ts'
import { narrowChat, narrowSearch } from './perplexityChatRewrite.ts'
import { narrowingFor } from './perplexityNarrowing.ts'
import { operationOf, queryOf } from './perplexityRequest.ts'

export const perplexityLadder: Ladder = [
  step(
    1,
    { performanceImpact: 0.2, costSaved: 0.4 },
    {
      searchContextSize: 'low',
      // Complex queries keep this much, and their preset.
      complexContextSize: 'medium',
      complexFrom: 0.4,
      maxResults: 5,
      maxPreset: 'medium',
    },
  ),
  step(
    2,
    { performanceImpact: 0.4, costSaved: 0.7 },
    {
      cacheFirst: true,
      searchContextSize: 'low',
      maxResults: 3,
      maxSteps: 2,
      maxPreset: 'low',
      // Below this complexity, and where nothing is said of time, there is no live search.
      searchFrom: 0.1,
    },
  ),
  // Reaches the service only where a policy admits calls at this level.
  step(
    3,
    { performanceImpact: 0.7, costSaved: 1 },
    {
      useAlternative: true,
      cacheFirst: true,
      searchContextSize: 'low',
      maxResults: 1,
      maxSteps: 1,
      maxPreset: 'fast',
      search: false,
    },
  ),
]

function step(level: 1 | 2 | 3, expected: ExpectedImpact, overrides: Overrides): LadderStep {
  return { level, overrides, expected, rewrite }
}

function rewrite(request: CallRequest, overrides: Overrides): RewrittenRequest | undefined {
  const operation = operationOf(request.path)
  if (!isPlainObject(request.body)) return undefined
  const narrowing = narrowingFor(queryOf(request.body) ?? '', overrides)
  const changed =
    operation === 'agent' || operation === 'responses'
      ? narrowAgent(request.body, narrowing)
      : operation === 'chat'
        ? narrowChat(request.body, narrowing)
        : operation === 'search'
          ? narrowSearch(request.body, narrowing)
          : undefined
  return changed === undefined ? undefined : { body: changed }
}

function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
