// From a thrown value to what it says of the service. An error is read together with its causes, outermost first: status,
// code and class decide; then what only hints at a lost connection; the words of messages come last.
import type { Classification } from '../../model/failures.ts'
import { readField, readString } from '../foreignValue.ts'
import { isConnectionError, type Meaning, meaningOfCode, meaningOfName } from './errorCodes.ts'
import { failureInText, statusInText } from './errorText.ts'
import { answerOf, codesOf } from './httpAnswer.ts'
import { classifyAnswer } from './httpStatus.ts'

/** Causes looked at, the error itself included; an error that holds itself as cause ends here too. */
const LONGEST_CHAIN = 8

/** `words: false` leaves messages unread. */
export function classifyThrown(error: unknown, at: number, { words }: { words: boolean }): Classification {
  const chain = chainOf(error)
  return (
    firstOf(chain, (link, index) => definite(link, chain.slice(index + 1), at)) ??
    firstOf(chain, lostConnection) ??
    (words ? firstOf(chain, (link) => inWords(link, at)) : undefined) ?? { type: 'unknown_error' }
  )
}

/** The error, its causes and what it aggregates, nearest first. */
function chainOf(error: unknown): unknown[] {
  const chain: unknown[] = [error]
  for (let i = 0; i < chain.length && chain.length < LONGEST_CHAIN; i++) {
    const aggregated = readField(chain[i], 'errors')
    for (const next of [readField(chain[i], 'cause'), readField(aggregated, '0'), readField(aggregated, '1')]) {
      if (next != null && chain.length < LONGEST_CHAIN) chain.push(next)
    }
  }
  return chain
}

function firstOf<T>(
  chain: readonly T[],
  read: (link: T, index: number) => Classification | undefined,
): Classification | undefined {
  for (const [index, link] of chain.entries()) {
    const found = read(link, index)
    if (found !== undefined) return found
  }
  return undefined
}

function definite(link: unknown, causes: readonly unknown[], at: number): Classification | undefined {
  const answer = answerOf(link)
  const answered = answer && classifyAnswer(answer, at)
  if (answered !== undefined) return answered
  const meaning = meaningOf(link)
  if (meaning === 'aborted') return wasTimeout(causes) ? { type: 'timeout' } : 'ignored'
  return meaning === undefined || meaning === 'ignored' ? meaning : { type: meaning }
}

function meaningOf(link: unknown): Meaning | undefined {
  for (const code of codesOf(link)) {
    const meaning = meaningOfCode(code)
    if (meaning !== undefined) return code === 'ECONNABORTED' ? ofConnectionAborted(link) : meaning
  }
  for (const name of namesOf(link)) {
    const meaning = meaningOfName(name)
    if (meaning !== undefined) return meaning
  }
  return undefined
}

/** axios gives its own timeouts the code of an aborted connection; only its message tells them apart. */
function ofConnectionAborted(link: unknown): Meaning {
  const message = readField(link, 'message')
  return typeof message === 'string' && failureInText(message) === 'timeout' ? 'timeout' : 'service_unavailable'
}

/** Node wraps the reason of an abort in an AbortError; the abort of a timeout is a timeout. */
function wasTimeout(causes: readonly unknown[]): boolean {
  return causes.some((cause) => meaningOf(cause) === 'timeout')
}

function lostConnection(link: unknown): Classification | undefined {
  const [name, className] = namesOf(link)
  const lost =
    (name !== undefined && isConnectionError(name)) ||
    (className !== undefined && isConnectionError(className)) ||
    // Fetch has no class for it (https://fetch.spec.whatwg.org, "network error"); this is how Node's words it.
    (name === 'TypeError' && readString(link, 'message', 20) === 'fetch failed')
  return lost ? { type: 'service_unavailable' } : undefined
}

function inWords(link: unknown, at: number): Classification | undefined {
  const text = typeof link === 'string' ? link : readField(link, 'message')
  if (typeof text !== 'string') return undefined
  const type = failureInText(text)
  if (type !== undefined) return { type }
  const status = statusInText(text)
  return status === undefined ? undefined : classifyAnswer({ status, header: undefined, codes: [] }, at)
}

/** The error's own name and that of its class: the OpenAI client leaves `name` at "Error". */
function namesOf(link: unknown): string[] {
  const names = [readString(link, 'name', 100), readString(readField(link, 'constructor'), 'name', 100)]
  return names.filter((name) => name !== undefined)
}
