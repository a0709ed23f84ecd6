// `npm run bench:correlation`: what a tick, an added outcome and a remembered service cost; writes bench/results/correlation-cost.{json,md}.
// A tick over an hour of 20 services with 10 failures a second each is to take less than 10 ms (docs/correlation.md).
import { mkdirSync, writeFileSync } from 'node:fs'
import { FailureHistory } from '../../src/analysis/failureHistory.ts'
import { findCorrelations } from '../../src/analysis/findCorrelations.ts'
import { seededRandom } from '../../src/model/random.ts'
import { poisson } from '../../test/incidents/sampling.ts'
import { EPOCH } from '../../test/incidents/traffic.ts'
import { machine } from '../machine.ts'

const RESULTS = new URL('../../../../bench/results/', import.meta.url)
const TICK_SECONDS = 10
const TARGET_MS = 10

interface Load {
  readonly name: string
  readonly services: number
  /** Of each, a second. */
  readonly calls: number
  readonly failures: number
  /** Every so many seconds a third of the services fail altogether for 15 s; 0: never. */
  readonly outageEvery: number
}

const LOADS: readonly Load[] = [
  { name: '20 services, 10 failures/s each', services: 20, calls: 20, failures: 10, outageEvery: 0 },
  { name: '20 services, 10 failures/s each in 200 calls/s, outages', services: 20, calls: 200, failures: 10, outageEvery: 180 },
  { name: '200 services, 0.05 failures/s each, outages', services: 200, calls: 5, failures: 0.05, outageEvery: 180 },
  { name: '1000 services, 0.05 failures/s each, outages', services: 1000, calls: 5, failures: 0.05, outageEvery: 180 },
  { name: '1000 services, a lone failure a minute each', services: 1000, calls: 5, failures: 0.015, outageEvery: 0 },
]

function run({ name, services, calls, failures, outageEvery }: Load) {
  const random = seededRandom(1)
  const names = Array.from({ length: services }, (_, i) => `s${i}`)
  const graph = Object.fromEntries(names.slice(1).map((service, i) => [service, { dependsOn: [names[i >> 1]!] }]))
  collect()
  const before = heldBytes()
  const history = new FailureHistory()
  const ticks: number[] = []
  let [added, addMs] = [0, 0]
  for (let second = 0; second < 3600; second++) {
    const at = EPOCH + second * 1000
    const began = process.hrtime.bigint()
    for (const [i, service] of names.entries()) {
      const failing = outageEvery > 0 && i % 3 === 0 && second % outageEvery < 15
      const failed = failing ? poisson(random, calls) : poisson(random, failures)
      const succeeded = failing ? 0 : poisson(random, calls - failures)
      for (let k = 0; k < failed; k++) history.add(at + ((k * 37) % 1000), service, 'failure', 'timeout')
      for (let k = 0; k < succeeded; k++) history.add(at + ((k * 41) % 1000), service, 'success')
      added += failed + succeeded
    }
    addMs += Number(process.hrtime.bigint() - began) / 1e6
    if (second % TICK_SECONDS !== TICK_SECONDS - 1) continue
    const tick = process.hrtime.bigint()
    findCorrelations(history, graph, at + 1000)
    ticks.push(Number(process.hrtime.bigint() - tick) / 1e6)
  }
  collect()
  const held = heldBytes() - before
  // The last quarter of the hour: the history is full, the code is warm.
  const last = ticks.slice(-90).sort((a, b) => a - b)
  const round = (value: number) => Number(value.toPrecision(3))
  return {
    name,
    tickMsMedian: round(last[45]!),
    tickMsP99: round(last[88]!),
    nsAnOutcome: round((addMs * 1e6) / added),
    kBAService: round(held / services / 1000),
    remembered: history.size,
  }
}

/** More than once, as what one collection lets go of may hold on to more. */
function collect(): void {
  for (let i = 0; i < 4; i++) globalThis.gc?.()
}

function heldBytes(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

const rows = LOADS.map((load) => {
  console.error(load.name)
  return run(load)
})
const context = { ...machine([]), command: 'npm run bench:correlation', tickSeconds: TICK_SECONDS, targetMs: TARGET_MS }
const markdown = [
  '# Correlation: what it costs',
  '',
  `${context.date}, ${context.processor}, ${context.cores} cores, Node ${context.node}; \`${context.command}\`.`,
  `A tick every ${TICK_SECONDS} s over an hour of history; the target is ${TARGET_MS} ms for the first row. An outcome's cost has that of making it up.`,
  '',
  '| | tick, median ms | tick, p99 ms | ns an outcome | kB a service |',
  '| --- | ---: | ---: | ---: | ---: |',
  ...rows.map((row) => `| ${row.name} | ${row.tickMsMedian} | ${row.tickMsP99} | ${row.nsAnOutcome} | ${row.kBAService} |`),
  '',
].join('\n')
mkdirSync(RESULTS, { recursive: true })
writeFileSync(new URL('correlation-cost.json', RESULTS), `${JSON.stringify({ ...context, rows }, undefined, 1)}\n`)
writeFileSync(new URL('correlation-cost.md', RESULTS), markdown)
console.log(markdown)
