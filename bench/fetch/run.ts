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
const ROUNDS = Number(process.env.ROUNDS ?? 24)
/** Not timed. */
const WARM_UP = 3

const server = fork(new URL('./server.js', import.meta.url))
const [port] = (await once(server, 'message')) as [number]
const url = `http://127.0.0.1:${port}`

// A thousand calls at once take longer than one does, and are no reason to ask for less.
const well = { degrade: false, trip: { slowCallRate: false, stalledCalls: false } } as const
const gear = await createSwitchgear({ services: { http: { kind: 'http', ...well }, openai: { kind: 'openai', ...well } } })
const contenders: readonly (readonly [string, typeof fetch])[] = [
  ['fetch', fetch],
  // What it differs by is what the figures are uncertain by.
  ['fetch, again', (input, init) => fetch(input, init)],
  ['gear.fetch, http', gear.fetch('http')],
  ['gear.fetch, openai', gear.fetch('openai')],
]

interface Result {
  readonly answer: Answer
  readonly inFlight: number
  readonly contender: string
  /** Means of the middle half of the rounds, µs a call. */
  readonly cpu: number
  readonly latency: number
  /** To the bare fetch's. */
  readonly cpuRatio: number
  readonly latencyRatio: number
}

const results: Result[] = []
for (const answer of ANSWERS) {
  for (const inFlight of IN_FLIGHT) {
    const rounds = new Map<string, Round[]>(contenders.map(([name]) => [name, []]))
    for (let i = -WARM_UP; i < ROUNDS; i++) {
      for (const [name, send] of shuffled(contenders)) {
        const done = await round(send, url, answer, inFlight, inFlight === 1 ? 500 : 2000)
        if (i >= 0) rounds.get(name)?.push(done)
      }
    }
    const bare = rounds.get('fetch') ?? []
    for (const [contender, ours] of rounds) {
      const [cpu, latency] = [middle(ours, 'cpu'), middle(ours, 'latency')]
      const cpuRatio = cpu / middle(bare, 'cpu')
      results.push({ answer, inFlight, contender, cpu, latency, cpuRatio, latencyRatio: latency / middle(bare, 'latency') })
      console.error(results.at(-1))
    }
  }
}
server.kill()
for (const name of ['http', 'openai'] as const) {
  const { state } = gear.services[name]
  if (state !== 'closed') throw new Error(`${name} is ${state}: that is not what was to be measured`)
}
await gear.close()

const context = { ...machine(['switchgear']), command: 'npm run bench:fetch', rounds: ROUNDS }
const markdown = [
  '# What a guarded fetch adds',
  '',
  `${context.date}, ${context.processor}, ${context.cores} cores, Node ${context.node}, switchgear ${context.versions.switchgear}; \`${context.command}\`.`,
  '',
  `A POST of a short chat to a server in another process on loopback; the answer is 1.2 kB of JSON, or 20 events of 120 bytes,`,
  `each in a chunk of its own, read to its end. CPU is that of the calling process, time is from the request to the end of the`,
  `body (median). µs a call, the mean of the middle half of ${ROUNDS} rounds; in brackets as a multiple of the bare \`fetch\`. The`,
  'contenders take turns in an order that is drawn anew for each round, or the same one would always meet the garbage collector.',
  'What the second `fetch` differs by from the first is what the figures are uncertain by.',
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

/** The mean of the middle half. */
function middle(rounds: readonly Round[], key: keyof Round): number {
  const sorted = rounds.map((one) => one[key]).sort((a, b) => a - b)
  const half = sorted.slice(Math.floor(sorted.length / 4), Math.ceil((sorted.length * 3) / 4))
  return half.reduce((sum, value) => sum + value, 0) / half.length
}

function shuffled<T>(all: readonly T[]): T[] {
  return all
    .map((one) => [Math.random(), one] as const)
    .sort(([a], [b]) => a - b)
    .map(([, one]) => one)
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`
}
