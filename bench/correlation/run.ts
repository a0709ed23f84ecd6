// `npm run eval:correlation`: the analysis over labelled incidents and quiet periods; writes bench/results/correlation.{json,md}.
// `--incidents N` of each kind and `--quiet N` change how many; `--tuning` uses the seeds for tuning, lists every miss, writes nothing.
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { REPORTING_SEEDS, TUNING_SEEDS } from '../../test/incidents/incident.ts'
import { INCIDENT_KINDS, quiet } from '../../test/incidents/kinds.ts'
import { evaluate, type Verdict } from './evaluate.ts'
import { misses, writeReport } from './report.ts'

const RESULTS = new URL('../../../../bench/results/', import.meta.url)

/** A kind by its place (-1: quiet) and a seed. */
type Task = readonly [kind: number, seed: number]

if (isMainThread) await main()
else
  for (const [kind, seed] of workerData as readonly Task[])
    parentPort?.postMessage(evaluate((INCIDENT_KINDS[kind] ?? quiet)(seed)))

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      incidents: { type: 'string', default: '120' },
      quiet: { type: 'string', default: '200' },
      tuning: { type: 'boolean', default: false },
    },
  })
  const began = process.hrtime.bigint()
  const seeds = values.tuning ? TUNING_SEEDS : REPORTING_SEEDS
  let seed = seeds.from
  const tasks: Task[] = []
  for (let i = 0; i < Number(values.incidents); i++) for (const kind of INCIDENT_KINDS.keys()) tasks.push([kind, seed++])
  for (let i = 0; i < Number(values.quiet); i++) tasks.push([-1, seed++])
  const verdicts: Verdict[] = []
  const workers = Math.min(availableParallelism(), 8)
  await Promise.all(
    Array.from({ length: workers }, (_, worker) =>
      inWorker(
        tasks.filter((_, i) => i % workers === worker),
        (verdict) => {
          verdicts.push(verdict)
          if (verdicts.length % 20 === 0 || verdicts.length === tasks.length)
            console.error(`${verdicts.length} of ${tasks.length}`)
        },
      ),
    ),
  )
  verdicts.sort((a, b) => a.seed - b.seed)
  const seconds = Number(process.hrtime.bigint() - began) / 1e9
  console.log(writeReport(verdicts, [seeds.from, seed - 1], seconds, values.tuning ? undefined : RESULTS))
  if (values.tuning) console.log(misses(verdicts).join('\n'))
}

function inWorker(tasks: readonly Task[], onVerdict: (verdict: Verdict) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: tasks })
    worker.on('message', onVerdict)
    worker.on('error', reject)
    worker.on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`a worker ended with ${code}`))))
  })
}
