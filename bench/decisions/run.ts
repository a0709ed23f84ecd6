// `npm run bench:decisions`: every breaker over the same incident traces; writes bench/results/decisions.{json,md}.
// `--tune` searches the peers' options first; `--seeds N` changes how many traces of each kind and rate are run.
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { entrants, TUNED } from './entrants.ts'
import { type Entry, writeReport } from './report.ts'
import { type Standings, standingsOf } from './standings.ts'
import { tune } from './tune.ts'

const RESULTS = new URL('../../../bench/results/', import.meta.url)

/** What a worker is asked, and what it answers: entrants by their place in the list, as breakers cannot be sent. */
interface Task {
  readonly entrant: number
  readonly seeds: readonly number[]
}

if (isMainThread) await main()
else await work(workerData as readonly Task[])

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { tune: { type: 'boolean' }, seeds: { type: 'string', default: '10' } } })
  if (values.tune) await tune(TUNED)
  // The report's seeds are none of those that anything was tuned on.
  const seeds = Array.from({ length: Number(values.seeds) }, (_, i) => 1001 + i)
  const contenders = entrants()
  const standings = new Map<number, Standings>()
  const workers = Math.min(availableParallelism(), contenders.length)
  await Promise.all(
    Array.from({ length: workers }, (_, worker) => {
      const tasks = contenders.map((_, entrant) => ({ entrant, seeds })).filter(({ entrant }) => entrant % workers === worker)
      return inWorker(tasks, (entrant, result) => {
        standings.set(entrant, result)
        console.error(`${standings.size} of ${contenders.length}: ${contenders[entrant]?.library}, ${contenders[entrant]?.form}`)
      })
    }),
  )
  const entries: Entry[] = contenders.map((contender, i) => ({ contender, standings: standings.get(i)! }))
  console.log(writeReport(entries, seeds, RESULTS))
}

function inWorker(tasks: readonly Task[], onResult: (entrant: number, standings: Standings) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: tasks })
    worker.on('message', ([entrant, standings]: [number, Standings]) => onResult(entrant, standings))
    worker.on('error', reject)
    worker.on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`a worker ended with ${code}`))))
  })
}

async function work(tasks: readonly Task[]): Promise<void> {
  const contenders = entrants()
  for (const { entrant, seeds } of tasks) parentPort?.postMessage([entrant, await standingsOf(contenders[entrant]!, seeds)])
}
