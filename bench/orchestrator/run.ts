// What the orchestrator costs: a failure on a board of 20, 200 and 1,000 services while one of them is down, a review of them
// all, and a transition. `node --expose-gc out/bench/orchestrator/run.js` after `npm run build` and the bench's own compilation.
import { createSwitchgear, type ServiceInput } from 'switchgear'
import { VirtualClock } from 'switchgear/testing'

const ROUNDS = 7

for (const count of [20, 200, 1000]) {
  const services = Object.fromEntries(
    Array.from({ length: count }, (_, i): [string, ServiceInput] => [
      `s${i}`,
      {
        kind: 'http',
        trip: { consecutiveFailures: false, failureRate: false, stalledCalls: false },
        degrade: false,
        dependsOn: i > 0 ? [`s${(i - 1) >> 1}`] : [],
      },
    ]),
  )
  const clock = new VirtualClock()
  const gear = await createSwitchgear({
    services,
    clock,
    seed: 1,
    orchestrator: { correlation: false, rules: { system_overload_protection: { enabled: false } } },
  })
  gear.command(`s${count - 1}`, { name: 'trip', by: 'bench', why: 'something stands' })
  const error = new Error('down')
  const failures = median(() => {
    const begun = process.hrtime.bigint()
    for (let i = 0; i < 20_000; i++) gear.admit(`s${i % (count - 1)}`).fail(error)
    return Number(process.hrtime.bigint() - begun) / 20_000 / 1000
  })
  const reviews = median(() => {
    const begun = process.hrtime.bigint()
    for (let second = 0; second < 20; second++) {
      gear.admit('s1').fail(error)
      clock.advance(1000)
    }
    return Number(process.hrtime.bigint() - begun) / 20 / 1000
  })
  const moves = median(() => {
    const begun = process.hrtime.bigint()
    for (let i = 0; i < 50; i++) {
      gear.command(`s${count - 2}`, { name: i % 2 === 0 ? 'trip' : 'reset', by: 'bench', why: 'so' })
    }
    return Number(process.hrtime.bigint() - begun) / 50 / 1000
  })
  console.log(
    `${count} services: ${failures.toFixed(2)} µs a failure, ${reviews.toFixed(0)} µs a second's review, ${moves.toFixed(0)} µs a transition`,
  )
  await gear.close()
}

function median(measure: () => number): number {
  const values = Array.from({ length: ROUNDS }, measure).sort((a, b) => a - b)
  return values[ROUNDS >> 1] ?? Number.NaN
}
