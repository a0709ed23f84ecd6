// What callers are answered when nobody else does: a sentence that is always at hand, in the shape of the service that was
// asked, so that its client reads it like any other answer. The demo's fallbacks.
import { readField } from '../../services/foreignValue.ts'
import { type ChatRequest, chatAnswer, chatChunks, chatEvents } from './chatCompletion.ts'
import { lightragAnswer } from './lightragServer.ts'
import { message } from './perplexityServer.ts'

const SENTENCE = 'There is no fresh answer now.'

/** Whole or as a stream, as it was asked for. */
export function openaiTemplate(asked: unknown): Response {
  const stream = readField(asked, 'stream') === true
  const request: ChatRequest = { model: 'template', prompt: '', promptTokens: 0, maxTokens: 64, stream, includeUsage: false }
  const answer = chatAnswer(request, 0, 0, SENTENCE)
  if (!stream) return Response.json(answer)
  const headers = { 'content-type': 'text/event-stream; charset=utf-8' }
  return new Response([...chatEvents(chatChunks(request, answer))].join(''), { headers })
}

export function perplexityTemplate(): Response {
  return Response.json({ id: 'template', object: 'response', status: 'completed', output: [message(SENTENCE)] })
}

export function lightragTemplate(): Response {
  return Response.json(lightragAnswer(SENTENCE))
}
