// A request to the Agent API that asks for less. Presets bundle their tools, which cannot be taken from them, so a smaller
// preset is asked for; the tools of a request that names its own are narrowed or taken out.
// Source: perplexityai/api-platform-developers@228c88d, skills/migrate-sonar-to-agent-api/references.
import { readList } from '../foreignList.ts'
import { readField } from '../foreignValue.ts'
import { type Narrowing, smallerCount, smallerSize } from './perplexityNarrowing.ts'

type Body = Readonly<Record<string, unknown>>

/** From the least on, with the names they had before. */
const PRESETS: readonly (readonly string[])[] = [
  ['fast', 'fast-search'],
  ['low', 'pro-search'],
  ['medium', 'deep-research'],
  ['high', 'advanced-deep-research'],
  ['xhigh'],
]
/** A step without a tool takes one; where nothing is said, the model or its preset decides, and may take more than any cap. */
const STEPS_UNLESS_GIVEN = Number.POSITIVE_INFINITY

/** A copy that asks for less, or undefined where there is nothing to leave out. */
export function narrowAgent(body: Body, narrowing: Narrowing): Body | undefined {
  const changes: Record<string, unknown> = {}
  const preset = smallerPreset(body.preset, narrowing.preset)
  if (preset !== undefined) changes.preset = preset
  const tools = readList(body, 'tools', 1000)
  const uses = tools.length > 0 || body.preset !== undefined || body.profile !== undefined
  const steps = uses ? smallerCount(body.max_steps, narrowing.steps, STEPS_UNLESS_GIVEN) : undefined
  if (steps !== undefined) changes.max_steps = steps
  const narrowed = Array.isArray(body.tools) && body.tools.length <= 1000 ? narrowTools(body, tools, narrowing) : undefined
  if (narrowed === undefined) return Object.keys(changes).length === 0 ? undefined : { ...body, ...changes }
  if (narrowed.length > 0) return { ...body, ...changes, tools: narrowed }
  // A choice among no tools is none.
  const { tools: _, tool_choice: __, ...rest } = body
  return { ...rest, ...changes }
}

function smallerPreset(given: unknown, wanted: string | undefined): string | undefined {
  const from = PRESETS.findIndex((names) => names.some((name) => name === given))
  const to = PRESETS.findIndex((names) => names.some((name) => name === wanted))
  return from > to && to >= 0 ? PRESETS[to]?.[0] : undefined
}

/** The tools with their web search narrowed, or without it; undefined where nothing changes. */
function narrowTools(body: Body, tools: readonly unknown[], narrowing: Narrowing): readonly unknown[] | undefined {
  const searches = tools.filter(isWebSearch)
  if (searches.length === 0) return undefined
  if (narrowing.search === false && mayGoWithout(body, searches)) return tools.filter((tool) => !isWebSearch(tool))
  let changed = false
  const narrowed = tools.map((tool) => {
    const less = isWebSearch(tool) ? lessOfSearch(tool, narrowing) : undefined
    if (less !== undefined) changed = true
    return less ?? tool
  })
  return changed ? narrowed : undefined
}

/**
 * Not where the search is demanded (`tool_choice`), confined by filters that the answer is to keep to, or bundled by a preset
 * all the same.
 */
function mayGoWithout(body: Body, searches: readonly unknown[]): boolean {
  const free = body.tool_choice == null || body.tool_choice === 'auto' || body.tool_choice === 'none'
  return free && body.preset == null && body.profile == null && searches.every((tool) => readField(tool, 'filters') == null)
}

function lessOfSearch(tool: Body, narrowing: Narrowing): Body | undefined {
  const size = smallerSize(tool.search_context_size, narrowing.contextSize)
  // Perplexity's own guide has `max_results` here and its client's types have not: never put in, only lowered.
  const results = smallerCount(tool.max_results, narrowing.results, 0)
  if (size === undefined && results === undefined) return undefined
  return {
    ...tool,
    ...(size !== undefined && { search_context_size: size }),
    ...(results !== undefined && { max_results: results }),
  }
}

function isWebSearch(tool: unknown): tool is Body {
  return readField(tool, 'type') === 'web_search'
}
