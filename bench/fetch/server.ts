// The upstream of the fetch benchmark, in a process of its own so that its work is not measured: JSON or a stream of events,
// from memory. Tells its parent its port.
import { createServer, type ServerResponse } from 'node:http'

/** About what a short chat completion weighs. */
const JSON_ANSWER = Buffer.from(
  JSON.stringify({
    id: 'chatcmpl-1',
    object: 'chat.completion',
    model: 'gpt-4o-mini',
    choices: [{ index: 0, message: { role: 'assistant', content: 'word '.repeat(200) }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 20, completion_tokens: 200, total_tokens: 220 },
  }),
)
const EVENT = `data: ${JSON.stringify({ id: 'chatcmpl-1', object: 'chat.completion.chunk', model: 'gpt-4o-mini', choices: [{ index: 0, delta: { content: 'word ' } }] })}\n\n`
const EVENTS = 20

const server = createServer((request, response) => {
  request.resume()
  request.on('end', () => {
    if (request.url === '/events') sendEvents(response)
    else {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': JSON_ANSWER.length })
      response.end(JSON_ANSWER)
    }
  })
})

/** Each in a turn of its own, so that it is a chunk of its own, as a model's tokens are. */
function sendEvents(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  let left = EVENTS
  const next = (): void => {
    if (left-- === 0) response.end('data: [DONE]\n\n')
    else {
      response.write(EVENT)
      setImmediate(next)
    }
  }
  next()
}

server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  process.send?.(typeof address === 'object' && address ? address.port : 0)
})
