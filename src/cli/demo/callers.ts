// The calls the demo protects, as an application would make them: OpenAI with its official client, whole and streamed; a search
// by fetch; a cache in the process. Each has a fallback, so that a caller always gets an answer.
import type OpenAI from 'openai'
import type { CallContext } from '../../actors/call.ts'
import { CommandFailure } from '../commandFailure.ts'
import type { DemoGear } from './demoServices.ts'
import type { Upstream } from './loopbackServer.ts'
import type { MemoryCache } from './memoryCache.ts'

export interface Callers {
  openai(): Promise<unknown>
  search(): Promise<unknown>
  cache(): Promise<unknown>
  /** OpenAI calls that asked for less, because the service was degraded. */
  readonly lighter: number
  /** Calls that a fallback answered. */
  readonly fallbacks: number
}

const QUESTIONS = ['What is a breaker?', 'Why do breakers trip?', 'What is half-open?', 'When is a limit reset?'] as const

export async function createCallers(
  gear: DemoGear,
  openaiServer: Upstream,
  search: Upstream,
  cache: MemoryCache,
): Promise<Callers> {
  const client = await openaiClient(openaiServer.url)
  let number = 0
  let lighter = 0
  let fallbacks = 0
  const question = (): string => QUESTIONS[number++ % QUESTIONS.length] ?? QUESTIONS[0]
  const fallback = (): string => {
    fallbacks++
    return 'There is no fresh answer now.'
  }

  /** A degraded service is asked for less: a smaller model, and half as many words. */
  const request = ({ degradation }: CallContext) => {
    if (degradation.level > 0) lighter++
    return {
      model: degradation.level > 0 ? 'gpt-4o-mini' : 'gpt-4o',
      max_completion_tokens: degradation.level > 0 ? 128 : 256,
      messages: [{ role: 'user' as const, content: question() }],
    }
  }
  const whole = async (call: CallContext): Promise<string> => {
    const answer = await client.chat.completions.create(request(call), { signal: call.signal })
    return answer.choices[0]?.message.content ?? ''
  }
  /** The stream is read within the protected function: it has not succeeded before it has ended. */
  const streamed = async (call: CallContext): Promise<string> => {
    const asked = { ...request(call), stream: true as const, stream_options: { include_usage: true } }
    let text = ''
    for await (const chunk of await client.chat.completions.create(asked, { signal: call.signal })) {
      text += chunk.choices[0]?.delta.content ?? ''
    }
    return text
  }

  return {
    openai: () => gear.execute('openai', number % 2 === 0 ? whole : streamed, { fallback }),
    search: () =>
      gear.execute(
        'search',
        async ({ signal }) => {
          const response = await fetch(`${search.url}/search?q=${encodeURIComponent(question())}`, { signal })
          const { status, headers } = response
          return { status, headers, body: await response.text() }
        },
        { fallback },
      ),
    cache: () =>
      gear.execute(
        'cache',
        async ({ signal }) => {
          const key = question()
          const found = await cache.get(key, signal)
          if (found === undefined) await cache.set(key, 'an answer', 5000, signal)
          return found
        },
        { fallback },
      ),
    get lighter() {
      return lighter
    },
    get fallbacks() {
      return fallbacks
    },
  }
}

/** The client retries nothing: that would hide failures from the breaker, and send more calls into an outage. */
async function openaiClient(url: string): Promise<OpenAI> {
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
    maxRetries: 0,
    logLevel: 'off',
    organization: null,
    project: null,
  })
}
