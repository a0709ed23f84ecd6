// Finds the HTTP answer in whatever a client hands out or throws: fetch and undici, Node's http, axios, got, the OpenAI
// client, the AWS and Vercel AI SDKs. Looks at fields only; a body that is not yet parsed stays unread.
import { type HeaderReader, headerReader, isObject, readField, readString } from '../foreignValue.ts'
import type { HttpAnswer } from './httpStatus.ts'

/** The answer that a thrown error carries or is; undefined where there is no status. */
export function answerOf(error: unknown): HttpAnswer | undefined {
  if (!isObject(error)) return undefined
  const response = readField(error, 'response')
  const status = statusOf(error) ?? statusOf(response) ?? numberAt(readField(error, '$metadata'), 'httpStatusCode')
  return status === undefined ? undefined : { status, header: headersOf(error), codes: codesOf(error) }
}

/**
 * The answer that a returned value is: a status *and* headers, or a row of somebody's table with `status: 500` would be
 * taken for a failure.
 */
export function returnedAnswer(value: unknown): HttpAnswer | undefined {
  if (!isObject(value)) return undefined
  const status = statusOf(value)
  if (status === undefined || !isObject(readField(value, 'headers'))) return undefined
  return status < 400 ? { status, header: undefined, codes: [] } : { status, header: headersOf(value), codes: codesOf(value) }
}

/** The headers of an answer or of the error that carries it. */
export function headersOf(from: unknown): HeaderReader | undefined {
  return (
    headerReader(readField(from, 'headers')) ??
    headerReader(readField(from, 'responseHeaders')) ??
    headerReader(readField(readField(from, 'response'), 'headers'))
  )
}

/** `code` and `type` of an error, of the error object in its parsed body, and of that of its response. */
export function codesOf(error: unknown): string[] {
  if (!isObject(error)) return []
  const codes: string[] = []
  const places = [error, readField(error, 'error'), ...bodiesOf(error), ...bodiesOf(readField(error, 'response'))]
  for (const place of places) {
    for (const key of ['code', 'type']) {
      const code = readString(place, key, 64)
      if (code !== undefined) codes.push(code)
    }
  }
  return codes
}

function bodiesOf(from: unknown): unknown[] {
  return ['data', 'body', 'error'].map((key) => readField(readField(from, key), 'error'))
}

function statusOf(from: unknown): number | undefined {
  return numberAt(from, 'status') ?? numberAt(from, 'statusCode')
}

/** Exit codes and the like are called `status` too; an HTTP status has three digits. */
function numberAt(from: unknown, key: string): number | undefined {
  const value = readField(from, key)
  return typeof value === 'number' && Number.isInteger(value) && value >= 100 && value <= 599 ? value : undefined
}
