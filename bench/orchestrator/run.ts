// `npm run bench:orchestrator`: what the orchestrator costs on a board of 20, 200 and 1,000 services; writes
// bench/results/orchestrator.{json,md}.
import { mkdirSync, writeFileSync } from 'node:fs'
import { createSwitchgear, type ServiceInput, type Switchgear } from 'switchgear'
import { VirtualClock } from 'switchgear/testing'
import { machine } from '../machine.ts'

const RESULTS = new URL('../../../bench/results/', import.meta.url)
const COUNTS = [20, 200, 1000]
const ROUNDS = 5
const WHO = { by: 'bench', why: 'so' }
const error = new Error('down')

const rows: Row[] = []
for (const count of COUNTS) rows.push(await measured(count))
const context = { ...machine(['switchgear']), command: 'npm run bench:orchestrator', rounds: ROUNDS }
const markdown = [
  '# What the orchestrator costs',
  '',
  `${context.date}, ${context.processor}, ${context.cores} cores, Node ${context.node}, switchgear ${context.versions.switchgear}; \`${context.command}\`.`,
  '',
  'Services hang together in a tree, two on each. µs of CPU, garbage collection included, the median of',
  `${ROUNDS} rounds, of all that is done: by the breaker, the chart and the orchestrator. A failure and a review are taken while one`,
  'service is down. A transition is one of a service that nobody depends on; the column after it is the same while a cascade stands',
  'and every other service is asked for less. The last column is the moment in which that cascade takes hold (ms): every breaker is',
  'told, bends, and says so.',
  '',
  '| services | a failure | a review | a transition | in a cascade | all are told, ms |',
  '| ---: | ---: | ---: | ---: | ---: | ---: |',
  ...rows.map(
    ({ services, failure, review, transition, inCascade, cascadeMs }) =>
      `| ${services} | ${failure.toFixed(2)} | ${review.toFixed(0)} | ${transition.toFixed(0)} | ${inCascade.toFixed(0)} | ${cascadeMs.toFixed(1)} |`,
  ),
  '',
].join('\n')
mkdirSync(RESULTS, { recursive: true })
writeFileSync(new URL('orchestrator.json', RESULTS), `${JSON.stringify({ ...context, rows }, undefined, 2)}\n`)
writeFileSync(new URL('orchestrator.md', RESULTS), markdown)
console.log(markdown)

interface Row {
  readonly services: number
  /** µs. */
  readonly failure: number
  readonly review: number
  readonly transition: number
  readonly inCascade: number
  readonly cascadeMs: number
}

async function measured(count: number): Promise<Row> {
  const { gear, clock } = await board(count, { consecutiveFailures: false })
  gear.command(`s${count - 1}`, { name: 'trip', ...WHO })
  const failure = median(() =>
    microseconds(20_000, (i) => {
      gear.admit(`s${i % (count - 1)}`).fail(error)
    }),
  )
  const review = median(() =>
    microseconds(20, () => {
      gear.admit('s1').fail(error)
      clock.advance(1000)
    }),
  )
  const transition = median(() => moves(gear, count))
  await gear.close()

  const cascades: number[] = []
  const moved: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const { gear } = await board(count, { consecutiveFailures: 1 })
    gear.admit(`s${count - 1}`).fail(error)
    cascades.push(microseconds(1, () => gear.admit(`s${count - 3}`).fail(error)) / 1000)
    const asked = Object.keys(gear.system.directives).length
    if (asked < count - 2) throw new Error(`${asked} services are asked for less: that is not what was to be measured`)
    moved.push(moves(gear, count))
    await gear.close()
  }
  return { services: count, failure, review, transition, inCascade: middle(moved), cascadeMs: middle(cascades) }
}

/** µs a transition. */
function moves(gear: Switchgear<Record<string, ServiceInput>>, count: number): number {
  return microseconds(50, (i) => gear.command(`s${count - 2}`, { name: i % 2 === 0 ? 'trip' : 'reset', ...WHO }))
}

async function board(count: number, trip: { readonly consecutiveFailures: number | false }) {
  const services = Object.fromEntries(
    Array.from({ length: count }, (_, i): [string, ServiceInput] => [
      `s${i}`,
      {
        kind: 'http',
        trip: { failureRate: false, stalledCalls: false, ...trip },
        degrade: false,
        dependsOn: i > 0 ? [`s${(i - 1) >> 1}`] : [],
      },
    ]),
  )
  const clock = new VirtualClock()
  const rules = { system_overload_protection: { enabled: false } }
  const gear = await createSwitchgear({ services, clock, seed: 1, orchestrator: { correlation: false, rules } })
  return { gear, clock }
}

/** µs of CPU each. */
function microseconds(times: number, act: (i: number) => void): number {
  const begun = process.cpuUsage()
  for (let i = 0; i < times; i++) act(i)
  const { user, system } = process.cpuUsage(begun)
  return (user + system) / times
}

function median(measure: () => number): number {
  return middle(Array.from({ length: ROUNDS }, measure))
}

function middle(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN
}
