// Ctrl-C. The first asks the command to end in order (close the journal, restore the terminal), the second ends it at once.

/** As a shell reports a process that SIGINT ended. */
export const INTERRUPTED = 130

let controller: AbortController | undefined

/** Aborted by SIGINT or SIGTERM. From the first call on, it is for the command to end; until then the signals end the process. */
export function interruption(): AbortSignal {
  if (controller) return controller.signal
  const asked = new AbortController()
  controller = asked
  const stop = (): void => {
    if (asked.signal.aborted) process.exit(INTERRUPTED)
    process.exitCode = INTERRUPTED
    asked.abort()
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
  return asked.signal
}
