// `npm run bench:fetch`: what `gear.fetch` adds to the bare `fetch`, on loopback, in one run; writes
// bench/results/fetch.{json,md}.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createSwitchgear } from 'switchgear'
import { machine } from '../machine.ts'
import { type Answer, type Round, round } from './load.ts'

const RESULTS = new URL('../../../bench/results/', import.meta.url)
const ANSWERS: readonly Answer[] = ['JSON', 'events']
const IN_FLIGHT = [1, 1000]
/** In turns, so that what else the machine does falls on all alike. */
const ROUNDS = Number(process.env.ROUNDS ?? 24)

const server = fork(new URL('./server.js', import.meta.url))
const [port] = (await once(server, 'message')) as [number]
const url = `http://127.0.0.1:${port}`

const gear = await createSwitchgear({ services: { http: { kind: 'http' }, openai: { kind: 'openai' } } })
const contenders: readonly (readonly [string, typeof fetch])[] = [
  ['fetch', fetch],
  ['gear.fetch, http', gear.fetch('http')],
  ['gear.fetch, openai', gear.fetch('openai')],
]

interface Result {
  readonly answer: Answer
  readonly inFlight: number
  readonly contender: string
  /** Lower quartiles over the rounds, µs a call: what disturbs a round only ever makes it dearer. */
  readonly cpu: number
  readonly latency: number
  /** Of these, to the bare fetch's. */
  readonly cpuRatio: number
  readonly latencyRatio: number
  /** Medians of the ratios to the bare fetch of the same round. */
  readonly pairedCpuRatio: number
}

const results: Result[] = []
for (const answer of ANSWERS) {
  for (const inFlight of IN_FLIGHT) {
    const calls = inFlight === 1 ? 600 : 2000
    const rounds = new Map<string, Round[]>(contenders.map(([name]) => [name, []]))
    for (let i = -2; i < ROUNDS; i++) {
      // The first rounds warm up; who begins changes.
      for (let j = 0; j < contenders.length; j++) {
        const [name, send] = contenders[(i + 2 + j) % contenders.length] as (typeof contenders)[number]
        const done = await round(send, url, answer, inFlight, calls)
        if (i >= 0) rounds.get(name)?.push(done)
      }
    }
    const bare = rounds.get('fetch') ?? []
    for (const [contender, ours] of rounds) {
      const [cpu, bareCpu] = [ours, bare].map((all) =>
        quantile(
          all.map((one) => one.cpu),
          0.25,
        ),
      ) as [number, number]
      const [latency, bareLatency] = [ours, bare].map((all) =>
        quantile(
          all.map((one) => one.latency),
          0.25,
        ),
      ) as [number, number]
      const paired = ours.map((one, i) => one.cpu / (bare[i]?.cpu ?? Number.NaN))
      results.push({
        answer,
        inFlight,
        contender,
        cpu,
        latency,
        cpuRatio: cpu / bareCpu,
        latencyRatio: latency / bareLatency,
        pairedCpuRatio: quantile(paired, 0.5),
      })
      console.error(results.at(-1))
    }
  }
}
server.kill()
await gear.close()

const context = { ...machine(['switchgear']), command: 'npm run bench:fetch', rounds: ROUNDS }
const markdown = [
  '# What a guarded fetch adds',
  '',
  `${context.date}, ${context.processor}, ${context.cores} cores, Node ${context.node}, switchgear ${context.versions.switchgear}; \`${context.command}\`.`,
  '',
  `A POST of a short chat to a server in another process on loopback; the answer is 1.2 kB of JSON, or 20 events of 120 bytes,`,
  `each in a chunk of its own, read to its end. CPU is that of the calling process, time is from the request to the end of the`,
  `body (median). µs a call, the lower quartile of ${ROUNDS} rounds taken in turns; in brackets as a multiple of the bare \`fetch\`.`,
  '',
  row(['answer', 'in flight', ...contenders.flatMap(([name]) => [`${name}: CPU`, 'time'])]),
  row(['---', '---:', ...contenders.flatMap(() => ['---:', '---:'])]),
  ...ANSWERS.flatMap((answer) => IN_FLIGHT.map((inFlight) => row([answer, String(inFlight), ...cells(answer, inFlight)]))),
  '',
].join('\n')
mkdirSync(RESULTS, { recursive: true })
writeFileSync(new URL('fetch.json', RESULTS), `${JSON.stringify({ ...context, results }, undefined, 2)}\n`)
writeFileSync(new URL('fetch.md', RESULTS), markdown)
console.log(markdown)
process.exit()

function cells(answer: Answer, inFlight: number): string[] {
  const found = results.filter((result) => result.answer === answer && result.inFlight === inFlight)
  return found.flatMap(({ contender, cpu, latency, cpuRatio, latencyRatio }) =>
    contender === 'fetch'
      ? [cpu.toFixed(0), latency.toFixed(0)]
      : [`${cpu.toFixed(0)} (${cpuRatio.toFixed(3)})`, `${latency.toFixed(0)} (${latencyRatio.toFixed(3)})`],
  )
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`
}
