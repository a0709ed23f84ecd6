// Which transitions people must hear of, and how loudly.
import type { AlertRecord, TransitionRecord } from '../model/records.ts'
import { stateOf } from '../model/states.ts'

export function transitionAlert(transition: TransitionRecord): AlertRecord | undefined {
  const { service, at, from, to, reason } = transition
  const alert = (level: AlertRecord['level'], code: string, message: string): AlertRecord => ({
    type: 'alert',
    at,
    service,
    level,
    code,
    message,
  })
  if (to === 'open.cooling' && reason === 'authentication') {
    return alert('critical', 'authentication', `${service} refuses our credentials; retrying will not help`)
  }
  if (to === 'rateLimited.exhausted') {
    return alert('critical', 'quota_exceeded', `the quota of ${service} is used up`)
  }
  if (to === 'open.cooling' && stateOf(from) !== 'open') {
    return alert('error', 'opened', `${service} is open (${reason})`)
  }
  if (stateOf(to) === 'closed' && from === 'halfOpen') return alert('info', 'recovered', `${service} has recovered`)
  return undefined
}
