// The network is gone: everything fails at once. That is an emergency, and a fault of our own; recovery goes one at a time, the
// critical service first by its priority.
import { expect, it } from 'vitest'
import { PLAIN, story } from './scenario.ts'

it('local network loss: an emergency, found to be system-wide, left service by service', async () => {
  const names = ['payment', 'search', 'mail', 'maps'] as const
  const { gear, answers, pass, crowd, happened, replays } = await story(
    { payment: { ...PLAIN, critical: true, recoveryPriority: 0 }, search: PLAIN, mail: PLAIN, maps: PLAIN },
    { orchestrator: { correlation: true } },
  )
  for (let second = 0; second < 120; second++) crowd(3, ...names)
  expect(happened()).toEqual([])

  for (const name of names) answers(name, 503)
  crowd(24, ...names)
  pass(8)
  expect(happened({ alerts: true })).toEqual([
    '120.5 payment: closed.watching → open.cooling (consecutive_failures)',
    '120.5 error: payment is open (consecutive_failures)',
    '120.5 system: healthy → degraded',
    '120.5 warning: the system is degraded: 1 of 4 services open, health 0.60',
    '120.5 search: closed.watching → open.cooling (consecutive_failures)',
    '120.5 error: search is open (consecutive_failures)',
    '120.5 system: degraded → critical',
    '120.5 error: the system is critical: 2 of 4 services open, health 0.40',
    '120.5 mail is asked level 1 (cascade_failure_prevention: payment, search failing)',
    '120.5 mail: closed.watching → degraded.level1 (directive.cascade_failure_prevention)',
    '120.5 maps is asked level 1 (cascade_failure_prevention: payment, search failing)',
    '120.5 maps: closed.watching → degraded.level1 (directive.cascade_failure_prevention)',
    '120.5 mail: degraded.level1 → open.cooling (consecutive_failures)',
    '120.5 error: mail is open (consecutive_failures)',
    '120.5 system: critical → emergency',
    '120.5 critical: the system is in an emergency: 3 of 4 services open, health 0.20',
    '120.5 mail is asked nothing (released: cascade_failure_prevention has let go)',
    '120.5 maps is asked level 3 (emergency: what is left is for critical services)',
    '120.5 maps: degraded.level1 → degraded.level3 (directive.emergency)',
    '120.5 maps: degraded.level3 → open.cooling (consecutive_failures)',
    '120.5 error: maps is open (consecutive_failures)',
    '120.5 maps is asked nothing (released: emergency has let go)',
    '124.5 found: system_wide mail, maps, payment, search',
    '124.5 error: system_wide among mail, maps, payment and 1 more: Look for a fault of your own first: network, deployment, overload.',
    '124.5 found: common_cause mail, maps, payment, search',
    '124.5 error: common_cause among mail, maps, payment and 1 more: Check a provider, gateway or proxy that they share.',
  ])
  expect(gear.system.state).toBe('emergency')

  // The network is back.
  for (const name of names) answers(name, 'well')
  pass(320)
  expect(happened({ alerts: true })).toEqual([
    '135.5 payment: open.cooling → open.awaitingPermit (timer.cooled)',
    '135.5 payment: open.awaitingPermit → halfOpen (permit.granted)',
    '135.5 search: open.cooling → open.awaitingPermit (timer.cooled)',
    '135.5 search is asked hold (recovery_coordination: waits for its turn to recover)',
    '135.5 mail: open.cooling → open.awaitingPermit (timer.cooled)',
    '135.5 mail is asked hold (recovery_coordination: waits for its turn to recover)',
    '135.5 maps: open.cooling → open.awaitingPermit (timer.cooled)',
    '135.5 maps is asked hold (recovery_coordination: waits for its turn to recover)',
    '135.5 payment: halfOpen → closed.watching (probes_succeeded)',
    '135.5 info: payment has recovered',
    '135.5 payment is asked level 1 (cascade_failure_prevention: search, mail, maps failing)',
    '135.5 mail is asked nothing (released: recovery_coordination has let go)',
    '135.5 mail: open.awaitingPermit → halfOpen (directive.released)',
    '135.5 payment: closed.watching → degraded.level1 (directive.cascade_failure_prevention)',
    '135.5 mail: halfOpen → closed.watching (probes_succeeded)',
    '135.5 info: mail has recovered',
    '135.5 system: emergency → critical',
    '135.5 search is asked nothing (released: recovery_coordination has let go)',
    '135.5 search: open.awaitingPermit → halfOpen (directive.released)',
    '135.5 mail is asked level 1 (cascade_failure_prevention: search, maps failing)',
    '135.5 maps is asked nothing (released: recovery_coordination has let go)',
    '135.5 maps: open.awaitingPermit → halfOpen (directive.released)',
    '135.5 mail: closed.watching → degraded.level1 (directive.cascade_failure_prevention)',
    '135.5 maps: halfOpen → closed.watching (probes_succeeded)',
    '135.5 info: maps has recovered',
    '135.5 system: critical → degraded',
    '136.5 search: halfOpen → closed.watching (probes_succeeded)',
    '136.5 info: search has recovered',
    '136.5 system: degraded → healthy',
    '136.5 info: the system is well again',
    '140.5 payment is asked nothing (released: cascade_failure_prevention has let go)',
    '140.5 payment: degraded.level1 → closed.watching (directive.released)',
    '140.5 mail is asked nothing (released: cascade_failure_prevention has let go)',
    '140.5 mail: degraded.level1 → closed.watching (directive.released)',
    '181.5 over: system_wide mail, maps, payment, search',
    '421.5 over: common_cause mail, maps, payment, search',
  ])
  expect(gear.system).toMatchObject({ state: 'healthy', health: 1, findings: [], directives: {} })
  replays()
})
