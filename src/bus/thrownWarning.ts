// A process warning for what threw and must not: a listener, a journal, a bus, an inspector of the user's own. Used by buses, by the
// board and its root.

/** Whoever calls it sees to it that one fault is told once. */
export function warnOfThrown(what: string, error: unknown): void {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
  process.emitWarning(`${what} threw; further errors of it are not shown: ${text}`, 'SwitchgearWarning')
}
