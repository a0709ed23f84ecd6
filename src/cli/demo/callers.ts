// The calls the demo protects, as an application would make them: OpenAI with its official client, whole and streamed, Perplexity
// and LightRAG by fetch, a cache by its client. Each has a fallback, so that a caller always gets an answer.
import type OpenAI from 'openai'
import { CommandFailure } from '../commandFailure.ts'
import type { DemoGear, DemoService } from './demoServices.ts'
import { lightragTemplate, openaiTemplate, perplexityTemplate } from './templates.ts'
import type { DemoUpstreams } from './upstreams.ts'

/** Makes one call of each service. */
export interface Callers extends Record<DemoService, () => Promise<unknown>> {
  /** Calls that a fallback answered. */
  readonly fallbacks: number
}

/** Half of them a breaker may well ask without a search of the web when less has to do; the others speak of time. */
const QUESTIONS = [
  'What is a breaker?',
  'What has changed in circuit breakers since 2024?',
  'What is half-open?',
  'Which outages of language models were there this month?',
  'When is a limit reset?',
  'What do the latest drafts say of rate limit headers?',
] as const

const CACHED_FOR = 5000

export async function createCallers(gear: DemoGear, upstreams: DemoUpstreams, unit: number): Promise<Callers> {
  let fallbacks = 0
  const counted = (answer: Response): Response => {
    fallbacks++
    return answer
  }
  const openai = await openaiClient(
    upstreams.openai.url,
    gear.fetch('openai', { fallback: (_, { body }) => counted(openaiTemplate(body)) }),
  )
  const perplexity = gear.fetch('perplexity', { fallback: () => counted(perplexityTemplate()) })
  const lightrag = gear.fetch('lightrag', { fallback: () => counted(lightragTemplate()) })
  const cache = gear.cache('cache', upstreams.cache, { readEvery: unit / 2, ttl: CACHED_FOR })
  const numbers = { openai: 0, perplexity: 0, lightrag: 0, cache: 0 }
  const question = (service: DemoService): string => QUESTIONS[numbers[service]++ % QUESTIONS.length] ?? QUESTIONS[0]

  return {
    async openai() {
      const messages = [{ role: 'user' as const, content: question('openai') }]
      const asked = { model: 'gpt-4o', max_completion_tokens: 256, messages }
      const { completions } = openai.chat
      if (numbers.openai % 2 === 0) return (await completions.create(asked)).choices[0]?.message.content
      let text = ''
      const stream = await completions.create({ ...asked, stream: true, stream_options: { include_usage: true } })
      for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? ''
      return text
    },
    perplexity() {
      const asked = { model: 'perplexity/sonar', input: question('perplexity'), tools: [{ type: 'web_search' }] }
      return postJson(perplexity, `${upstreams.perplexity.url}/v1/agent`, asked, { authorization: 'Bearer pplx-demo' })
    },
    lightrag: () => postJson(lightrag, `${upstreams.lightrag.url}/query`, { query: question('lightrag'), mode: 'mix' }),
    cache: () => cache.getOrSet(question('cache'), () => 'an answer'),
    get fallbacks() {
      return fallbacks
    },
  }
}

async function postJson(by: typeof fetch, url: string, body: object, headers: Record<string, string> = {}): Promise<unknown> {
  const response = await by(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })
  return response.json()
}

/** The client is told to retry nothing, so that each question is one call; what a breaker refuses it would not retry anyway. */
async function openaiClient(url: string, guarded: typeof fetch): Promise<OpenAI> {
  let module: typeof import('openai')
  try {
    module = await import('openai')
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND')) throw error
    throw new CommandFailure('the demo calls OpenAI with its own client, which is not installed: npm install openai@6', 2, {
      cause: error,
    })
  }
  return new module.OpenAI({
    apiKey: 'sk-demo',
    baseURL: `${url}/v1`,
    fetch: guarded,
    maxRetries: 0,
    logLevel: 'off',
    organization: null,
    project: null,
  })
}
