// A chat completion without a model behind it: the question is read, an answer is made up from it, and both are counted in
// tokens of four characters. Shapes: OpenAI API reference, "The chat completion object" and "… chunk object".
import { z } from 'zod'

const requestSchema = z.object({
  model: z.string().min(1).max(100),
  messages: z.array(z.object({ role: z.string(), content: z.unknown() })).min(1),
  stream: z.boolean().nullish(),
  stream_options: z.object({ include_usage: z.boolean().optional() }).nullish(),
  max_tokens: z.number().int().positive().nullish(),
  max_completion_tokens: z.number().int().positive().nullish(),
})

export interface ChatRequest {
  readonly model: string
  readonly prompt: string
  readonly promptTokens: number
  readonly maxTokens: number
  readonly stream: boolean
  readonly includeUsage: boolean
}

/** The request, or what is wrong with it. */
export function parseChatRequest(body: string): ChatRequest | string {
  let json: unknown
  try {
    json = JSON.parse(body)
  } catch {
    return 'We could not parse the JSON body of your request.'
  }
  const parsed = requestSchema.safeParse(json)
  if (!parsed.success) {
    const problems = parsed.error.issues.map(({ path, message }) => `Invalid '${path.join('.')}': ${message}`)
    return problems.slice(0, 1).join('')
  }
  const { model, messages, stream, stream_options: streamOptions, max_tokens, max_completion_tokens } = parsed.data
  const texts = messages.map(({ content }) => (typeof content === 'string' ? content : JSON.stringify(content)))
  return {
    model,
    prompt: texts.slice(-1).join(''),
    promptTokens: texts.reduce((sum, text) => sum + tokensIn(text), 0),
    maxTokens: max_completion_tokens ?? max_tokens ?? 256,
    stream: stream === true,
    includeUsage: streamOptions?.include_usage === true,
  }
}

export interface ChatAnswer {
  readonly id: string
  readonly object: 'chat.completion'
  readonly created: number
  readonly model: string
  readonly choices: readonly [
    {
      readonly index: 0
      readonly message: { readonly role: 'assistant'; readonly content: string; readonly refusal: null }
      readonly logprobs: null
      readonly finish_reason: 'stop' | 'length'
    },
  ]
  readonly usage: ChatUsage
}

interface ChatUsage {
  readonly prompt_tokens: number
  readonly completion_tokens: number
  readonly total_tokens: number
  readonly prompt_tokens_details: { readonly cached_tokens: number }
  readonly completion_tokens_details: { readonly reasoning_tokens: number }
}

/** The whole answer, `full` as far as the request's limit lets it be; `createdAt` in epoch seconds. */
export function chatAnswer(
  request: ChatRequest,
  number: number,
  createdAt: number,
  full = `You asked: ${request.prompt.slice(0, 200)} Here is an answer in a few plain words.`,
): ChatAnswer {
  const content = full.slice(0, request.maxTokens * 4)
  const completionTokens = tokensIn(content)
  return {
    id: `chatcmpl-demo${String(number).padStart(8, '0')}`,
    object: 'chat.completion',
    created: createdAt,
    model: request.model,
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content, refusal: null },
        logprobs: null,
        finish_reason: content.length < full.length ? 'length' : 'stop',
      },
    ],
    usage: {
      prompt_tokens: request.promptTokens,
      completion_tokens: completionTokens,
      total_tokens: request.promptTokens + completionTokens,
      prompt_tokens_details: { cached_tokens: 0 },
      completion_tokens_details: { reasoning_tokens: 0 },
    },
  }
}

/** The same answer in chunks: the role, the words one by one, the reason it ended, and, if asked for, the usage. */
export function* chatChunks(request: ChatRequest, answer: ChatAnswer): Generator<object> {
  const [choice] = answer.choices
  const { id, created, model } = answer
  // Where usage was asked for, every chunk but the last carries it as null.
  const frame = { id, object: 'chat.completion.chunk', created, model, ...(request.includeUsage ? { usage: null } : {}) }
  const piece = (delta: object, finishReason: string | null = null): object => ({
    ...frame,
    choices: [{ index: 0, delta, logprobs: null, finish_reason: finishReason }],
  })
  yield piece({ role: 'assistant', content: '', refusal: null })
  for (const [word] of choice.message.content.matchAll(/\S+\s*|\s+/g)) yield piece({ content: word })
  yield piece({}, choice.finish_reason)
  if (request.includeUsage) yield { ...frame, choices: [], usage: answer.usage }
}

/** The chunks as server-sent events, ended by the word that says so. */
export function* chatEvents(chunks: Iterable<object>): Generator<string> {
  for (const chunk of chunks) yield `data: ${JSON.stringify(chunk)}\n\n`
  yield 'data: [DONE]\n\n'
}

export function tokensIn(text: string): number {
  return Math.ceil(text.length / 4)
}
