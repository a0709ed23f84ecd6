// Single parts of the demo, in the cases its incident does not come to.
import OpenAI from 'openai'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { CommandFailure } from '../../src/cli/commandFailure.ts'
import { createCallers } from '../../src/cli/demo/callers.ts'
import { chatAnswer, chatChunks, parseChatRequest } from '../../src/cli/demo/chatCompletion.ts'
import { startDemoBoard } from '../../src/cli/demo/demoBoard.ts'
import { Ledger } from '../../src/cli/demo/ledger.ts'
import { lightragTemplate, openaiTemplate, perplexityTemplate } from '../../src/cli/demo/templates.ts'
import { noView } from '../../src/cli/demo/view.ts'
import { createInspector } from '../../src/inspect.ts'
import { VirtualClock } from '../../src/model/virtualClock.ts'

const asked = (request: object) =>
  parseChatRequest(JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'Why?' }], ...request }))

describe('a chat request', () => {
  test('may limit its answer in the old field or the new one, of which the new one counts', () => {
    expect(asked({})).toMatchObject({ maxTokens: 256, stream: false, includeUsage: false })
    expect(asked({ max_tokens: 9 })).toMatchObject({ maxTokens: 9 })
    expect(asked({ max_tokens: 9, max_completion_tokens: 5 })).toMatchObject({ maxTokens: 5 })
  })

  test('may hold content in parts, or be empty', () => {
    const parts = [{ type: 'text', text: 'Why?' }]
    expect(asked({ messages: [{ role: 'user', content: parts }] })).toMatchObject({ prompt: JSON.stringify(parts) })
    expect(asked({ messages: [{ role: 'assistant', content: '' }] })).toMatchObject({ prompt: '', promptTokens: 0 })
  })

  test('that is none is answered with its first problem', () => {
    expect(parseChatRequest('{')).toMatch(/could not parse the JSON/)
    expect(parseChatRequest('{"messages":[]}')).toMatch(/^Invalid 'model': .+$/)
    expect(parseChatRequest('7')).toMatch(/^Invalid '': /)
  })

  test.each([
    [1, 'length', false],
    [100, 'stop', true],
  ])('of %i tokens at most ends by %s, whole and in chunks', (max, reason, usage) => {
    const request = asked({ max_tokens: max, stream: true, stream_options: { include_usage: usage } })
    if (typeof request === 'string') throw new Error(request)
    const answer = chatAnswer(request, 1, 0)
    expect(answer.choices[0].finish_reason).toBe(reason)
    const chunks = [...chatChunks(request, answer)] as { choices: { delta: { content?: string } }[]; usage?: unknown }[]
    const said = chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('')
    expect(said).toBe(answer.choices[0].message.content)
    expect(chunks.at(-1)?.usage).toEqual(usage ? answer.usage : undefined)
  })
})

test('calls that were cancelled count neither as sent nor as refused', () => {
  const ledger = new Ledger()
  const episode = ledger.begin('lightrag', 1000)
  ledger.outcome({ type: 'outcome', at: 1000, latency: 1, generation: 0, service: 'lightrag', result: 'ignored' })
  expect(episode).toMatchObject({ sent: 0, refused: 0 })
})

describe('a template', () => {
  test('is an answer that OpenAI’s client reads, whole or as a stream', async () => {
    const client = (asked: object[]) =>
      new OpenAI({
        ...{ apiKey: 'sk-x', baseURL: 'http://nobody.test/v1', maxRetries: 0 },
        fetch: async (_, init) => {
          asked.push(JSON.parse(String(init?.body)))
          return openaiTemplate(asked.at(-1))
        },
      })
    const question = { model: 'gpt-4o', messages: [{ role: 'user' as const, content: 'Why?' }] }
    const whole = await client([]).chat.completions.create(question)
    expect(whole.choices[0]?.message.content).toBe('There is no fresh answer now.')
    let text = ''
    for await (const chunk of await client([]).chat.completions.create({ ...question, stream: true })) {
      text += chunk.choices[0]?.delta.content ?? ''
    }
    expect(text).toBe('There is no fresh answer now.')
  })

  test('has the shape of the service that was asked', async () => {
    expect(JSON.stringify(await perplexityTemplate().json())).toContain('"text":"There is no fresh answer now."')
    expect(await lightragTemplate().json()).toMatchObject({ response: 'There is no fresh answer now.', llm_generated: false })
  })
})

describe('the board of the demo', () => {
  const options = { clock: new VirtualClock(), unit: 300, seed: 1 }
  afterEach(() => vi.doUnmock('openai'))

  test('stops what it has started when it cannot go on', async () => {
    const first = await createInspector({ port: 0 })
    const port = Number(new URL(first.url).port)
    await first.close()
    await expect(startDemoBoard({ ...options, journal: '/dev/null/x', inspectPort: port })).rejects.toThrow(/EEXIST|ENOTDIR/)
    // The port is free again.
    const second = await createInspector({ port })
    expect(new URL(second.url).port).toBe(String(port))
    await second.close()
  })

  test('does not call an OpenAI client missing that is there and broken', async () => {
    vi.doMock('openai', () => {
      throw new Error('no client')
    })
    const made = createCallers({ fetch: () => fetch } as never, { openai: { url: 'http://127.0.0.1:1' } } as never, 300)
    const failure = await made.catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(Error)
    expect(failure).not.toBeInstanceOf(CommandFailure)
  })
})

test('a run that nobody watches needs no view', () => {
  const alert = { type: 'alert', at: 0, service: 'cache', level: 'info', code: 'x', message: 'y' } as const
  expect([noView.tick(), noView.end(), noView.said('x'), noView.alerted(alert)]).toEqual(Array(4).fill(undefined))
})
