// What people must hear of, and how loudly: a condition that comes to stand, whether it shows as a state or lies beneath
// another, and a recovery. Once for each, however long it stands.
import type { BreakerContext } from '../model/breaker/context.ts'
import type { AlertRecord } from '../model/records.ts'
import { stateOf } from '../model/states.ts'

/** The alerts for an event at `at` (epoch ms) that made `after` of `before`. */
export function alertsFor(before: BreakerContext, after: BreakerContext, at: number): AlertRecord[] {
  const { service, standing } = after
  const alerts: AlertRecord[] = []
  const alert = (level: AlertRecord['level'], code: string, message: string): void => {
    alerts.push({ type: 'alert', at, service, level, code, message })
  }
  const { open, quota } = standing
  if (open && isOpening(open) && open.why === 'authentication') {
    if (before.standing.open?.why !== 'authentication') {
      alert('critical', 'authentication', `${service} refuses our credentials; retrying will not help`)
    }
  } else if (open && isOpening(open) && !(before.standing.open && isOpening(before.standing.open))) {
    alert('error', 'opened', `${service} is open (${open.why})`)
  }
  if (quota && quota.until > at && !(before.standing.quota && before.standing.quota.until > at)) {
    alert('critical', 'quota_exceeded', `the quota of ${service} is used up`)
  }
  if (before.spell.in === 'halfOpen' && stateOf(after.spell.in) === 'closed') {
    alert('info', 'recovered', `${service} has recovered`)
  }
  return alerts
}

/** Half-open after a maintenance counts as open too, but nothing has failed: it was over as it began. */
function isOpening(open: NonNullable<BreakerContext['standing']['open']>): boolean {
  return open.until > open.openedAt
}
