// The relay of the inspector: a WebSocket server on loopback that tells every page what happens, and hears nothing. Pages of
// other sites could reach a loopback port through their visitor's browser, so strangers' origins are refused.
import { randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { WebSocket, WebSocketServer } from 'ws'
import { bridgePage } from './bridgePage.ts'

export interface Relay {
  readonly port: number
  /** Pages connected. */
  readonly pages: number
  send(text: string): void
  close(): Promise<void>
}

export interface RelayOptions {
  /** 0: one that is free. */
  readonly port: number
  /** The inspector that the page at the relay's own address shows. */
  readonly inspector: URL
  /** What a page is told when it connects. */
  readonly greeting: () => readonly string[]
}

const LOOPBACK = '127.0.0.1'
/** A page that is so far behind has stopped reading: it is dropped, or it would take the process's memory. Bytes. */
const FAR_BEHIND = 16 * 1024 * 1024

/** Starts it. Rejects with the system's error where the port is taken. */
export async function startRelay({ port: wanted, inspector, greeting }: RelayOptions): Promise<Relay> {
  let port = wanted
  const http = createServer((request, response) => answer(request, response, inspector, port))
  const sockets = new WebSocketServer({
    server: http,
    maxPayload: 1024,
    verifyClient: ({ origin }: { origin?: string }) => isAtHome(origin),
  })
  // The WebSocket server passes on the HTTP server's errors; the first of them is what listening came to.
  await new Promise<void>((resolve, reject) => {
    sockets.once('error', reject)
    http.listen(wanted, LOOPBACK, () => {
      sockets.off('error', reject)
      resolve()
    })
  })
  port = (http.address() as AddressInfo).port
  // Neither the relay nor a page that looks on is a reason for a process to live.
  http.unref()
  sockets.on('error', () => undefined)
  sockets.on('connection', (socket) => {
    socket.on('error', () => socket.terminate())
    for (const text of greeting()) socket.send(text)
  })
  return {
    port,
    get pages() {
      return sockets.clients.size
    },
    send(text) {
      for (const socket of sockets.clients) {
        if (socket.readyState !== WebSocket.OPEN) continue
        if (socket.bufferedAmount > FAR_BEHIND) socket.terminate()
        else socket.send(text)
      }
    },
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets.clients) socket.close(1001)
        sockets.close()
        http.close(() => resolve())
        http.closeAllConnections()
        for (const socket of sockets.clients) socket.terminate()
      }),
  }
}

/** Programs send no origin; pages served from this machine are its user's own. */
function isAtHome(origin: string | undefined): boolean {
  if (origin === undefined) return true
  if (!URL.canParse(origin)) return false
  const { hostname } = new URL(origin)
  return hostname === LOOPBACK || hostname === 'localhost' || hostname === '[::1]'
}

function answer(request: IncomingMessage, response: ServerResponse, inspector: URL, port: number): void {
  if (request.method !== 'GET' || request.url !== '/') {
    response.writeHead(404).end()
    return
  }
  const { html, contentSecurityPolicy } = bridgePage(inspector, port, randomBytes(16).toString('base64'))
  response
    .writeHead(200, {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': contentSecurityPolicy,
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
    })
    .end(html)
}
