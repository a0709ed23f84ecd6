// From what a LightRAG server says of itself to what that calls for: is the index there and whole, does the embedding service
// behind it answer, is memory short. A pure function over two rounds of answers, run by the service monitor.
import { isObject, readField, readString } from '../foreignValue.ts'
import { memoryCondition } from '../memoryCondition.ts'
import type { Condition, MonitorAnswer, MonitoringRound, Reading } from '../serviceProfile.ts'
import { namesEmbedding } from './lightragFailure.ts'

/** lightrag_server.py and routers/document_routes.py. */
export const HEALTH = '/health'
export const PIPELINE = '/documents/pipeline_status'
export const COUNTS = '/documents/status_counts'

/** More of its own failures in a row, and the embedding service is sick. */
const EMBEDDING_IS_SICK = 3
/** Fewer finished documents say nothing by the share of them that failed. */
const ENOUGH_DOCUMENTS = 5
/** Shares of the finished documents that failed, from which the index has gaps or is broken. */
const GAPS = 0.1
const BROKEN = 0.5
/** Messages of the pipeline's history looked at, from the latest on. */
const MESSAGES = 50

type Facts = Record<string, number | string | boolean>

/** `callsFailing`: calls in a row that failed for want of the embedding service. */
export function readLightragHealth(
  { answers, memory }: MonitoringRound,
  before: Reading | undefined,
  memoryLimit: number,
  callsFailing = 0,
): Reading {
  const facts: Facts = { ...remembered(before), ...readFacts(answers) }
  const news = hasNews(bodyOf(answers[PIPELINE]), facts)
  const conditions = [
    indexCondition(answers, facts, news),
    embeddingCondition(answers, facts, before?.facts ?? {}, { news, callsFailing }),
    memoryCondition(memory, memoryLimit),
  ]
  return { conditions: conditions.filter((condition) => condition !== undefined), facts }
}

/** What must outlive a round that did not answer: counts to compare with. */
function remembered(before: Reading | undefined): Facts {
  const kept: Facts = {}
  for (const key of [
    'mostProcessed',
    'embeddingFailed',
    'embeddingCompleted',
    'embeddingFailuresInARow',
    'embeddingCallsFailed',
    'pipelineMark',
  ]) {
    const value = before?.facts[key]
    if (value !== undefined) kept[key] = value
  }
  return kept
}

function readFacts(answers: MonitoringRound['answers']): Facts {
  const health = bodyOf(answers[HEALTH])
  const pipeline = bodyOf(answers[PIPELINE])
  const facts: Facts = {}
  const busy = readField(pipeline, 'busy') ?? readField(health, 'pipeline_busy')
  if (typeof busy === 'boolean') facts.busy = busy
  const version = readString(health, 'core_version', 64)
  if (version !== undefined) facts.version = version
  const job = readString(pipeline, 'job_name', 200)
  if (job !== undefined) facts.job = job
  // `batchs` is the server's spelling.
  for (const [name, key] of [
    ['documents', 'docs'],
    ['batches', 'batchs'],
    ['batch', 'cur_batch'],
  ] as const) {
    const value = count(readField(pipeline, key))
    if (value !== undefined) facts[name] = value
  }
  return facts
}

/** The pipeline keeps the messages of its last job when it rests: they tell of now while it is busy, or has just said more. */
function hasNews(pipeline: unknown, facts: Facts): boolean {
  const latest = readField(pipeline, 'latest_message')
  const history = readField(pipeline, 'history_messages')
  if (typeof latest !== 'string' && !Array.isArray(history)) return false
  const started = readString(pipeline, 'job_start', 64) ?? ''
  const said = typeof latest === 'string' ? latest.slice(0, 200) : ''
  const before = facts.pipelineMark
  facts.pipelineMark = `${started} ${Array.isArray(history) ? history.length : 0} ${said}`
  return readField(pipeline, 'busy') === true || (before !== undefined && facts.pipelineMark !== before)
}

// --- the index ----------------------------------------------------------------------------------------------------------

/** The gravest of what speaks against the index; level 0 where something spoke and nothing against it. */
function indexCondition(answers: MonitoringRound['answers'], facts: Facts, news: boolean): Condition | undefined {
  const found = [
    storageSays(answers),
    healthSays(answers[HEALTH]),
    countsSay(answers[COUNTS], facts),
    pipelineSays(answers[PIPELINE], news),
  ]
  let gravest: Condition | undefined
  for (const one of found) if (one && (gravest === undefined || one.level > gravest.level)) gravest = one
  return gravest
}

/** Both answers are read from the storage of documents: a server that cannot give them has lost it. */
function storageSays(answers: MonitoringRound['answers']): Condition | undefined {
  for (const path of [PIPELINE, COUNTS]) {
    const status = answers[path]?.status
    if (status !== undefined && status >= 500) return index(2, `${path} answered ${status}: the storage is not accessible`)
  }
  return undefined
}

function healthSays(answer: MonitorAnswer | undefined): Condition | undefined {
  const status = readString(bodyOf(answer), 'status', 100)
  if (status === undefined) return undefined
  return status === 'healthy' ? index(0, 'the server calls itself healthy') : index(2, `the server calls itself ${status}`)
}

function countsSay(answer: MonitorAnswer | undefined, facts: Facts): Condition | undefined {
  const counts = readField(bodyOf(answer), 'status_counts')
  const processed = countOf(counts, 'processed')
  const failed = countOf(counts, 'failed')
  if (processed === undefined && failed === undefined) return undefined
  const most = typeof facts.mostProcessed === 'number' ? facts.mostProcessed : 0
  facts.processed = processed ?? 0
  facts.failed = failed ?? 0
  facts.mostProcessed = Math.max(most, processed ?? 0)
  if (processed === 0 && most > 0) return index(2, `none of the ${most} documents that were there is left`)
  const finished = (processed ?? 0) + (failed ?? 0)
  const share = finished >= ENOUGH_DOCUMENTS ? (failed ?? 0) / finished : 0
  const level = share >= BROKEN ? 2 : share >= GAPS ? 1 : 0
  return index(level, `${failed ?? 0} of ${finished} documents could not be processed`)
}

function pipelineSays(answer: MonitorAnswer | undefined, news: boolean): Condition | undefined {
  const message = readField(bodyOf(answer), 'latest_message')
  if (typeof message !== 'string') return undefined
  if (!news || !tellsOfFailure(message) || namesEmbedding(message)) return index(0, 'the pipeline tells of no new failure')
  return index(1, `the pipeline says: ${message.slice(0, 200)}`)
}

function index(level: Condition['level'], reason: string): Condition {
  return { name: 'index', level, reason }
}

// --- the embedding service ----------------------------------------------------------------------------------------------

/**
 * Its failures in a row, as far as anything tells of them: the server's own counters (`embedding_queue_status` of `/health`,
 * for callers with credentials) or else what its pipeline reports, and calls that failed for want of it.
 */
function embeddingCondition(
  answers: MonitoringRound['answers'],
  facts: Facts,
  before: Reading['facts'],
  { news, callsFailing }: { readonly news: boolean; readonly callsFailing: number },
): Condition | undefined {
  const queue = readField(bodyOf(answers[HEALTH]), 'embedding_queue_status')
  const counted = failuresInARow(queue, facts, before)
  // A first count is of all that ever was, and can be compared with nothing.
  const isCounted = counted !== undefined && typeof before.embeddingFailed === 'number'
  const reported = isCounted ? undefined : reportedInARow(bodyOf(answers[PIPELINE]), news)
  const failures = Math.max(counted ?? 0, reported?.failures ?? 0, callsFailing)
  // Calls that have failed and do so no more have spoken too.
  const callsTell = callsFailing > 0 || (typeof before.embeddingCallsFailed === 'number' && before.embeddingCallsFailed > 0)
  if (callsTell) facts.embeddingCallsFailed = callsFailing
  if (counted === undefined && reported === undefined && !callsTell) return undefined
  const level = failures > EMBEDDING_IS_SICK ? 2 : reported?.latest ? 1 : 0
  return { name: 'embedding', level, reason: `the embedding service has failed ${failures} times in a row` }
}

/** Counters only grow; ones that have fallen are those of a server that was started anew. */
function failuresInARow(queue: unknown, facts: Facts, before: Reading['facts']): number | undefined {
  const failed = count(readField(queue, 'failed_total'))
  const completed = count(readField(queue, 'completed_total'))
  if (failed === undefined || completed === undefined) return undefined
  const { embeddingFailed, embeddingCompleted, embeddingFailuresInARow } = before
  facts.embeddingFailed = failed
  facts.embeddingCompleted = completed
  let inARow = 0
  if (typeof embeddingFailed === 'number' && failed >= embeddingFailed && completed === embeddingCompleted) {
    inARow = failed - embeddingFailed + (typeof embeddingFailuresInARow === 'number' ? embeddingFailuresInARow : 0)
  }
  facts.embeddingFailuresInARow = inARow
  return inARow
}

/** From the latest message back to the first that tells of work done. */
function reportedInARow(pipeline: unknown, news: boolean): { failures: number; latest: boolean } | undefined {
  const latest = readField(pipeline, 'latest_message')
  const history = readField(pipeline, 'history_messages')
  if (typeof latest !== 'string' && !Array.isArray(history)) return undefined
  if (!news) return { failures: 0, latest: false }
  let failures = 0
  const messages = Array.isArray(history) ? history.slice(-MESSAGES).reverse() : [latest]
  for (const message of messages) {
    if (typeof message !== 'string') continue
    if (/^\s*(?:completed|successfully)\b/i.test(message)) break
    if (embeddingFailed(message)) failures++
  }
  return { failures, latest: typeof latest === 'string' && embeddingFailed(latest) }
}

/** A traceback names what broke in its last lines. */
function embeddingFailed(message: string): boolean {
  const end = message.slice(-500)
  return (
    (namesEmbedding(message) || namesEmbedding(end)) &&
    (tellsOfFailure(message) || /\b\w*(?:Error|Timeout|Exception)\b/.test(end))
  )
}

/** As the pipeline words it: "Failed to extract document 1/2: …", "Merging stage failed in document …", "Error: …". */
function tellsOfFailure(message: string): boolean {
  return /^\s*(?:failed|error)\b|\bstage failed\b/i.test(message.slice(0, 500))
}

// --- reading ------------------------------------------------------------------------------------------------------------

/** Of an answer below 300 only: what an error's body says is no condition of the service. */
function bodyOf(answer: MonitorAnswer | undefined): unknown {
  return answer && answer.status < 300 ? answer.body : undefined
}

/** The states are written in lower case, by older servers in upper case. */
function countOf(counts: unknown, state: string): number | undefined {
  return isObject(counts) ? (count(readField(counts, state)) ?? count(readField(counts, state.toUpperCase()))) : undefined
}

function count(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined
}
