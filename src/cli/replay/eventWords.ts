// Events of the board in few words, for people: in the trail before a difference, and in the demo.
import type { GearEvent, OutcomeRecord } from '../../model/records.ts'

export function eventWords(event: GearEvent): string {
  switch (event.type) {
    case 'outcome':
      return outcomeWords(event)
    case 'admission': {
      const { probe, exemption, by } = event
      const words = ['admitted']
      if (probe !== undefined) words.push(`as probe ${probe}`)
      if (exemption !== undefined) words.push(`by ${exemption}${by === undefined ? '' : ` of ${by}`}`)
      return words.join(' ')
    }
    case 'signal': {
      const { kind, ...rest } = event.signal
      return `signal ${kind}${listed(rest)}`
    }
    case 'directive': {
      const { rule, ...rest } = event.directive
      return `directive of ${rule}${listed(rest)}`
    }
    case 'command': {
      const { name, by, why, ...rest } = event.command
      return `command ${name} by ${by}: ${why}${listed(rest)}`
    }
    case 'systemCommand': {
      const { name, by, why, ...rest } = event.command
      return `command ${name} by ${by}: ${why}${listed(rest)}`
    }
    case 'review':
      return `review of ${event.calls} calls, failures in ${Object.keys(event.services).join(', ') || 'none'}`
    case 'finding':
      return `${event.over ? 'no more' : 'found'} ${event.finding.pattern} among ${event.finding.services.join(', ')}`
    case 'system':
      return `system ${event.from} → ${event.to} (health ${event.score})`
    case 'timer':
      return `timer ${event.id}`
    case 'config':
      return event.change
    case 'transition':
      return `${event.from} → ${event.to} (${event.reason})`
    case 'alert':
      return `${event.level}: ${event.message}`
    case 'decision': {
      const steps = event.steps.map(({ name, result }) => `${name} ${result}`).join(', ')
      return `${event.decision} because of ${event.why}: ${steps}`
    }
  }
}

function outcomeWords({ result, latency, failure, status, retryAfterMs, probe, state, generation }: OutcomeRecord): string {
  if (result === 'rejected') return `rejected${state === undefined ? '' : ` in ${state}`}`
  const words: string[] = [result]
  if (failure !== undefined) words.push(failure)
  if (status !== undefined) words.push(String(status))
  words.push(`in ${latency} ms`)
  if (retryAfterMs !== undefined) words.push(`(come back in ${retryAfterMs} ms)`)
  if (probe !== undefined) words.push(`of probe ${probe}`)
  words.push(`of generation ${generation}`)
  return words.join(' ')
}

function listed(rest: object): string {
  const parts = Object.entries(rest).map(([key, value]) => `${key} ${value}`)
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`
}
