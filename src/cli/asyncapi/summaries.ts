// What each channel of the fleet's bus is for, in a sentence or two: for the AsyncAPI document.

export const SUMMARIES: Readonly<Record<string, string>> = {
  outcome: 'What a call came to, or several: failures one by one, successes summed up by the second. Any program may report.',
  signal: "An observation of a service's condition: a limit, a budget, its health.",
  transition: 'A breaker of a node went from one state to another.',
  command: 'What an operator wants of a service, or of several, with who and why.',
  finding: 'A pattern that correlation found in the failures of the fleet, or one that is over.',
  alert: 'What a person should know.',
  decision: "Who answered in a service's place, or which model was chosen, and why.",
  directive:
    'What the leader wants of a service, and how the fleet’s breaker for it stands. Also a key of the bucket sg_{fleet}_directives.',
  node: 'How a node is: a heartbeat, with the states of its breakers. Also a key of the bucket sg_{fleet}_nodes.',
  ledger: 'What a node has spent this day and this month, in nanodollars. Also a key of the bucket sg_{fleet}_ledger.',
  rejected: 'Messages that a reader refused, with the reason: for whoever sent them to see.',
}
