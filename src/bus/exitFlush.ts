// What is still in memory when the process exits is written then, synchronously. One listener on the process serves every open
// journal, and there is none when no journal is open.

interface Flushable {
  flushSync(): void
}

const open = new Set<Flushable>()

export function flushAtExit(journal: Flushable): void {
  if (open.size === 0) process.on('exit', flushAll)
  open.add(journal)
}

export function forgetAtExit(journal: Flushable): void {
  if (open.delete(journal) && open.size === 0) process.off('exit', flushAll)
}

function flushAll(): void {
  for (const journal of open) journal.flushSync()
}
