// A credential that three services share expires. Retrying will not help, and that it is one fault and not three is found out.
import { expect, it } from 'vitest'
import { PLAIN, story } from './scenario.ts'

it('a shared credential expires: one common cause is found, and nobody is blamed thrice', async () => {
  const names = ['chat', 'images', 'speech'] as const
  const { gear, answers, pass, crowd, happened, replays } = await story(
    { chat: PLAIN, images: PLAIN, speech: PLAIN, mail: PLAIN, billing: PLAIN, maps: PLAIN, search: PLAIN },
    { orchestrator: { correlation: true } },
  )
  for (let second = 0; second < 120; second++) crowd(3, ...names, 'mail', 'billing')
  expect(happened()).toEqual([])

  // Two dozen calls of each are under way when the provider begins to refuse them.
  for (const name of names) answers(name, 401)
  crowd(24, ...names)
  pass(5, 'mail', 'billing', 'maps', 'search')
  expect(happened({ alerts: true })).toEqual([
    '120.5 chat: closed.watching → open.cooling (authentication)',
    '120.5 critical: chat refuses our credentials; retrying will not help',
    '120.5 system: healthy → degraded',
    '120.5 warning: the system is degraded: 1 of 7 services open, health 0.86',
    '120.5 images: closed.watching → open.cooling (authentication)',
    '120.5 critical: images refuses our credentials; retrying will not help',
    '120.5 speech is asked level 1 (cascade_failure_prevention: chat, images failing)',
    '120.5 speech: closed.watching → degraded.level1 (directive.cascade_failure_prevention)',
    '120.5 mail is asked level 1 (cascade_failure_prevention: chat, images failing)',
    '120.5 mail: closed.watching → degraded.level1 (directive.cascade_failure_prevention)',
    '120.5 billing is asked level 1 (cascade_failure_prevention: chat, images failing)',
    '120.5 billing: closed.watching → degraded.level1 (directive.cascade_failure_prevention)',
    '120.5 maps is asked level 1 (cascade_failure_prevention: chat, images failing)',
    '120.5 maps: closed.watching → degraded.level1 (directive.cascade_failure_prevention)',
    '120.5 search is asked level 1 (cascade_failure_prevention: chat, images failing)',
    '120.5 search: closed.watching → degraded.level1 (directive.cascade_failure_prevention)',
    '120.5 speech: degraded.level1 → open.cooling (authentication)',
    '120.5 critical: speech refuses our credentials; retrying will not help',
    '120.5 speech is asked nothing (released: cascade_failure_prevention has let go)',
    '124.5 found: system_wide chat, images, speech',
    '124.5 warning: system_wide among chat, images, speech: Look for a fault of your own first: network, deployment, overload.',
    '124.5 found: common_cause chat, images, speech',
    '124.5 error: common_cause among chat, images, speech: Check the credential that they share: it may have expired, been rotated or been revoked.',
  ])
  expect(gear.system.findings.map(({ pattern, failureType }) => ({ pattern, failureType }))).toEqual([
    { pattern: 'system_wide' },
    { pattern: 'common_cause', failureType: 'authentication' },
  ])

  // Another credential is put in place.
  for (const name of names) answers(name, 'well')
  pass(360)
  expect(happened()).toEqual([
    '130.5 chat: open.cooling → open.awaitingPermit (timer.cooled)',
    '130.5 chat: open.awaitingPermit → halfOpen (permit.granted)',
    '130.5 images: open.cooling → open.awaitingPermit (timer.cooled)',
    '130.5 images: open.awaitingPermit → halfOpen (permit.granted)',
    '130.5 speech: open.cooling → open.awaitingPermit (timer.cooled)',
    '130.5 speech: open.awaitingPermit → halfOpen (permit.granted)',
    '130.5 chat: halfOpen → closed.watching (probes_succeeded)',
    '130.5 chat is asked level 1 (cascade_failure_prevention: images, speech failing)',
    '130.5 chat: closed.watching → degraded.level1 (directive.cascade_failure_prevention)',
    '130.5 images: halfOpen → closed.watching (probes_succeeded)',
    '130.5 speech: halfOpen → closed.watching (probes_succeeded)',
    '130.5 system: degraded → healthy',
    '135.5 chat is asked nothing (released: cascade_failure_prevention has let go)',
    '135.5 chat: degraded.level1 → closed.watching (directive.released)',
    '135.5 mail is asked nothing (released: cascade_failure_prevention has let go)',
    '135.5 mail: degraded.level1 → closed.watching (directive.released)',
    '135.5 billing is asked nothing (released: cascade_failure_prevention has let go)',
    '135.5 billing: degraded.level1 → closed.watching (directive.released)',
    '135.5 maps is asked nothing (released: cascade_failure_prevention has let go)',
    '135.5 maps: degraded.level1 → closed.watching (directive.released)',
    '135.5 search is asked nothing (released: cascade_failure_prevention has let go)',
    '135.5 search: degraded.level1 → closed.watching (directive.released)',
    '181.5 over: system_wide chat, images, speech',
    '421.5 over: common_cause chat, images, speech',
  ])
  expect(gear.system).toMatchObject({ state: 'healthy', findings: [], directives: {} })
  replays()
})
