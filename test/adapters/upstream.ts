// A server on loopback for one test, which answers as the test says.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

export interface Received {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

export interface TestUpstream {
  readonly url: string
  /** What has reached it, in order. */
  readonly received: Received[]
  /** Resolves when a connection is closed before its answer is complete. */
  readonly hungUp: Promise<void>
}

export async function upstream(answer: (response: ServerResponse, request: Received) => void): Promise<TestUpstream> {
  const received: Received[] = []
  let tellHungUp = (): void => undefined
  const hungUp = new Promise<void>((resolve) => {
    tellHungUp = resolve
  })
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk) => chunks.push(chunk))
    request.on('error', () => undefined)
    response.on('close', () => {
      if (!response.writableFinished) tellHungUp()
    })
    request.on('end', () => {
      const { method = '', url = '', headers } = request
      const seen = { method, url, headers, body: Buffer.concat(chunks).toString() }
      received.push(seen)
      answer(response, seen)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, received, hungUp }
}

export function json(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(JSON.stringify(body))
}
