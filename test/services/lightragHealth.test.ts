import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { COUNTS, HEALTH, PIPELINE, readLightragHealth } from '../../src/services/lightrag/lightragHealth.ts'
import { memoryCondition } from '../../src/services/memoryCondition.ts'
import type { MonitorAnswer, Reading } from '../../src/services/serviceProfile.ts'
import { pipelineOf, queue, wellLightrag } from '../adapters/lightragWire.ts'

const GIB = 1024 ** 3
const LIMIT = 8 * GIB
const well = wellLightrag()

interface Told {
  health?: unknown
  pipeline?: unknown
  counts?: unknown
  memory?: number
  callsFailing?: number
}

/** A status, or a body with a 200; absent: as it is when all is well; undefined: no answer. */
function read(told: Told = {}, before?: Reading): Reading {
  const answers: Record<string, MonitorAnswer> = {}
  const bodies: [string, unknown][] = [
    [HEALTH, 'health' in told ? told.health : well.health],
    [PIPELINE, 'pipeline' in told ? told.pipeline : well.pipeline],
    [COUNTS, 'counts' in told ? told.counts : well.counts],
  ]
  for (const [path, body] of bodies) {
    if (typeof body === 'number') answers[path] = { status: body, body: { detail: 'x', status: 'sick' } }
    else if (body !== undefined) answers[path] = { status: 200, body }
  }
  return readLightragHealth({ answers, memory: told.memory }, before, LIMIT, told.callsFailing)
}

/** The same of a pipeline at work. */
const busyWith = (...told: Parameters<typeof pipelineOf>) => ({ ...pipelineOf(...told), busy: true })
const level = (reading: Reading, name: string) => reading.conditions.find((condition) => condition.name === name)?.level
const counts = (processed: unknown, failed: unknown) => ({ status_counts: { processed, failed, all: 99 } })

test('a server that is well says so of its index and its embedding service, and tells what it is doing', () => {
  const { conditions, facts } = read({ memory: GIB })
  expect(conditions.map(({ name, level }) => [name, level])).toEqual([
    ['index', 0],
    ['embedding', 0],
    ['memory', 0],
  ])
  expect(facts).toMatchObject({ busy: false, version: '1.4.16', processed: 12, failed: 0, documents: 0 })
})

test('busy is told, and not judged', () => {
  const { conditions, facts } = read({ pipeline: { ...(well.pipeline as object), busy: true, docs: 7, batchs: 3, cur_batch: 2 } })
  expect(facts).toMatchObject({ busy: true, documents: 7, batches: 3, batch: 2 })
  expect(conditions.every((condition) => condition.level === 0)).toBe(true)
})

test('where nobody answers nothing is known', () => {
  expect(read({ health: undefined, pipeline: undefined, counts: undefined })).toEqual({ conditions: [], facts: {} })
})

describe('the index', () => {
  test.each<[string, Told, number | undefined]>([
    ['its storage of documents does not answer', { pipeline: 500 }, 2],
    ['it cannot count its documents', { counts: 503 }, 2],
    ['the server calls itself sick', { health: { status: 'unhealthy' } }, 2],
    ['the monitor has no credentials', { pipeline: 403, counts: 401 }, 0],
    ['an older server has no counts', { counts: 404 }, 0],
    ['only its life is told', { pipeline: undefined, counts: undefined }, 0],
    ['1 of 100 documents failed', { counts: counts(99, 1) }, 0],
    ['9.9% of them failed', { counts: counts(901, 99) }, 0],
    ['10% of them failed', { counts: counts(90, 10) }, 1],
    ['49% of them failed', { counts: counts(51, 49) }, 1],
    ['half of them failed', { counts: counts(50, 50) }, 2],
    ['4 documents say too little', { counts: counts(0, 4) }, 0],
    ['5 documents say enough', { counts: counts(0, 5) }, 2],
    ['an older server writes in upper case', { counts: { status_counts: { PROCESSED: 5, FAILED: 5 } } }, 2],
    ['the pipeline failed last', { pipeline: busyWith('Failed to extract document 1/2: a.pdf') }, 1],
    ['merging failed last', { pipeline: busyWith('Merging stage failed in document 1/2: a.pdf') }, 1],
    ['failed documents are taken up again', { pipeline: busyWith('Reset 3 documents from PROCESSING/FAILED to PENDING') }, 0],
    ['the pipeline went on since', { pipeline: busyWith('Completed processing file 2/2: b.pdf') }, 0],
  ])('%s', (_, told, expected) => {
    expect(level(read(told), 'index')).toBe(expected)
  })

  test('is lost when the documents that were there are gone, until some are back', () => {
    const before = read()
    const lost = read({ counts: counts(0, 0) }, before)
    expect(level(lost, 'index')).toBe(2)
    expect(lost.conditions[0]?.reason).toBe('none of the 12 documents that were there is left')
    const silent = read({ counts: undefined }, lost)
    const still = read({ counts: counts(0, 0) }, silent)
    expect(level(still, 'index')).toBe(2)
    expect(level(read({ counts: counts(1, 0) }, still), 'index')).toBe(0)
  })

  test('that has never held anything is not lost', () => {
    expect(level(read({ counts: counts(0, 0) }, read({ counts: counts(0, 0) })), 'index')).toBe(0)
  })
})

describe('the embedding service', () => {
  const health = (failed: number, completed: number) => ({
    ...(well.health as object),
    embedding_queue_status: queue(failed, completed),
  })

  test('is sick after more than 3 failures in a row, by the server’s own counters', () => {
    const first = read({ health: health(10, 100) })
    expect(level(first, 'embedding')).toBe(0)
    const third = read({ health: health(13, 100) }, first)
    expect(level(third, 'embedding')).toBe(0)
    const fourth = read({ health: health(14, 100) }, third)
    expect(level(fourth, 'embedding')).toBe(2)
    expect(level(read({ health: health(14, 100) }, fourth), 'embedding')).toBe(2)
    expect(level(read({ health: health(15, 101) }, fourth), 'embedding')).toBe(0)
  })

  test('is not blamed for counters of a server that was started anew', () => {
    expect(level(read({ health: health(0, 0) }, read({ health: health(14, 0) })), 'embedding')).toBe(0)
  })

  test('keeps its count over a round that did not answer', () => {
    const before = read({ health: health(0, 5) })
    const silent = read({ health: undefined }, before)
    expect(level(read({ health: health(4, 5) }, silent), 'embedding')).toBe(2)
  })

  const failure = 'Failed to extract document 1/1: embedding func: connection refused'
  const traceback = `Traceback (most recent call last):\n  File "x.py", in embedding_func\nopenai.APIConnectionError: Connection error.`
  test.each<[string, Told, number]>([
    ['its latest message tells of one failure', { pipeline: busyWith(failure) }, 1],
    ['it tells of 3', { pipeline: busyWith(failure, [failure, failure, failure]) }, 1],
    ['it tells of 4', { pipeline: busyWith(failure, [failure, failure, failure, failure]) }, 2],
    ['its tracebacks do', { pipeline: busyWith('Default Job', [traceback, traceback, traceback, traceback]) }, 2],
    ['work was done in between', { pipeline: busyWith('Job', [failure, failure, 'Completed a', failure, failure]) }, 0],
    ['it speaks of embedding without failing', { pipeline: busyWith('Embedding 5 chunks') }, 0],
    ['3 calls failed for want of it', { callsFailing: 3 }, 0],
    ['4 calls failed for want of it', { callsFailing: 4, pipeline: undefined }, 2],
  ])('%s', (_, told, expected) => {
    expect(level(read(told), 'embedding')).toBe(expected)
  })

  test('is well again when calls no longer fail for want of it, even where nobody else may tell', () => {
    const silent = { pipeline: 403, counts: 403 }
    const sick = read({ ...silent, callsFailing: 4 }, read(silent))
    expect(level(sick, 'embedding')).toBe(2)
    const well = read({ ...silent, callsFailing: 0 }, sick)
    expect(level(well, 'embedding')).toBe(0)
    expect(level(read(silent, well), 'embedding')).toBeUndefined()
  })

  test('is judged by the server’s own counters and not by messages, where there are counters', () => {
    const pipeline = busyWith(failure, [failure, failure, failure, failure])
    const first = read({ health: health(4, 10), pipeline })
    expect(level(first, 'embedding')).toBe(2)
    expect(level(read({ health: health(4, 20), pipeline }, first), 'embedding')).toBe(0)
  })

  test('that failed is no fault of the index', () => {
    expect(level(read({ pipeline: busyWith(failure) }), 'index')).toBe(0)
  })
})

describe('what a pipeline at rest still says of its last job', () => {
  const failure = 'Failed to extract document 1/1: a.pdf'
  const starved = 'Failed to extract document 1/1: embedding timeout'
  test.each<[string, string, readonly string[], string]>([
    ['the index', failure, [failure], 'index'],
    ['the embedding service', starved, [starved, starved, starved, starved], 'embedding'],
  ])('is not held against %s, unless it has just been said', (_, latest, history, name) => {
    const old = pipelineOf(latest, history)
    const first = read({ pipeline: old })
    expect(level(first, name)).toBe(0)
    const silent = read({ pipeline: undefined }, first)
    expect(level(read({ pipeline: old }, silent), name)).toBe(0)
    const more = read({ pipeline: { ...old, history_messages: [...history, latest] } }, silent)
    expect(level(more, name)).toBeGreaterThan(0)
    expect(level(read({ pipeline: { ...old, history_messages: [...history, latest] } }, more), name)).toBe(0)
    expect(level(read({ pipeline: { ...old, job_start: '2026-01-02T00:00:00+00:00' } }, first), name)).toBeGreaterThan(0)
  })
})

describe('memory', () => {
  test.each<[number | undefined, number | undefined]>([
    [undefined, undefined],
    [0, 0],
    [LIMIT * 0.9 - 1, 0],
    [LIMIT * 0.9, 1],
    [LIMIT - 1, 1],
    [LIMIT, 2],
    [1e300, 2],
    [-1, undefined],
    [Number.NaN, undefined],
    [Number.POSITIVE_INFINITY, undefined],
  ])('of %s bytes calls for level %s', (used, expected) => {
    expect(memoryCondition(used, LIMIT)?.level).toBe(expected)
  })

  test('is told in MiB', () => {
    expect(memoryCondition(8 * GIB, LIMIT)?.reason).toBe('8192 of 8192 MiB of memory are in use')
    expect(memoryCondition(10_486, 10_485)?.reason).toBe('0.01 of 0.01 MiB of memory are in use')
  })
})

test.each<[string, Told]>([
  ['text', { health: 'ok', pipeline: 'ok', counts: 'ok' }],
  ['null', { health: null, pipeline: null, counts: null }],
  ['lists', { health: [], pipeline: [], counts: [] }],
  ['counts of wrong types', { counts: counts('12', -1) }],
  ['absurd counts', { counts: counts(1e300, Number.NaN) }],
  ['counts that are a list', { counts: { status_counts: [1, 2] } }],
  ['messages of wrong types', { pipeline: { latest_message: 7, history_messages: [7, null, {}] } }],
  [
    'a queue of wrong types',
    { health: { status: 'healthy', embedding_queue_status: { failed_total: '9', completed_total: -1 } } },
  ],
])('%s in place of what is documented is no condition', (_, told) => {
  expect(read(told, read(told)).conditions.every((condition) => condition.level === 0)).toBe(true)
})

test('a history of 10 MB is read from its end, in part', () => {
  const history = Array.from({ length: 1000 }, () => `Failed: embedding ${'x'.repeat(10_000)}`)
  expect(level(read({ pipeline: busyWith('x', history) }), 'embedding')).toBe(2)
})

test('no answer makes it throw', () => {
  const any = fc.anything({ maxDepth: 1, maxKeys: 3 })
  const body = fc.oneof(
    any,
    fc.record({ status: any, embedding_queue_status: any, pipeline_busy: any }),
    fc.record({ status_counts: fc.dictionary(fc.constantFrom('processed', 'failed', 'FAILED'), any) }),
    fc.record({ busy: any, latest_message: any, history_messages: fc.array(any, { maxLength: 5 }) }),
  )
  const answer = fc.record({ status: fc.integer({ min: 100, max: 599 }), body })
  const answers = fc.dictionary(fc.constantFrom(HEALTH, PIPELINE, COUNTS), answer)
  fc.assert(
    fc.property(answers, answers, fc.oneof(fc.constant(undefined), fc.double()), (first, second, memory) => {
      const before = readLightragHealth({ answers: first, memory }, undefined, LIMIT)
      for (const { level } of readLightragHealth({ answers: second, memory }, before, LIMIT).conditions) {
        expect([0, 1, 2]).toContain(level)
      }
    }),
    { numRuns: 150 },
  )
})
