// Sees to it that one process at a time writes a journal: a lock file beside it tells who does. The lock of a process that is
// gone is taken over. It tells processes of one machine apart, not those of several that share a disk.
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { JournalError } from '../model/errors.ts'

interface Holder {
  readonly pid: number
  /** When that process started, in the system's own words; pids are used again (in containers always), these are not. */
  readonly born: string
}

/** Takes the lock of `file`; returns the way to give it back. Throws a JournalError when a live process holds it. */
export function lockFile(file: string): () => void {
  const lock = `${file}.lock`
  const own = `${lock}.${process.pid}`
  const text = JSON.stringify({ pid: process.pid, born: birthOf(process.pid) ?? '' } satisfies Holder)
  writeFileSync(own, text, { mode: 0o600 })
  try {
    // A link appears at once and with its content, so nobody can read a lock that is half written.
    while (!linked(own, lock)) removeStale(file, lock)
  } finally {
    rmSync(own, { force: true })
  }
  return () => {
    if (readText(lock) === text) rmSync(lock, { force: true })
  }
}

function linked(from: string, to: string): boolean {
  try {
    linkSync(from, to)
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  }
}

function removeStale(file: string, lock: string): void {
  const text = readText(lock)
  if (text === undefined) return
  const holder = parseHolder(text)
  if (holder !== undefined && isAlive(holder)) {
    throw new JournalError(
      file,
      0,
      `process ${holder.pid} is writing this journal (its lock is ${lock}); allowed: one process at a time, each with a file of its own`,
    )
  }
  // Moved aside before it is judged again: another process may have taken the stale lock over between our look and our move.
  const aside = `${lock}.${process.pid}.stale`
  try {
    renameSync(lock, aside)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return
    throw error
  }
  if (readText(aside) !== text) linked(aside, lock)
  rmSync(aside, { force: true })
}

function isAlive({ pid, born }: Holder): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if (codeOf(error) === 'ESRCH') return false
  }
  const present = birthOf(pid)
  return present === undefined || (present !== 'dead' && (born === '' || born === present))
}

/** When a process started; undefined where the system does not tell, `dead` for one that only waits to be buried. */
function birthOf(pid: number): string | undefined {
  const stat = readText(`/proc/${pid}/stat`)
  if (stat === undefined) return undefined
  // The name, in brackets, may hold anything; the state comes behind it, and the start time as the 22nd field of all.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  if (fields[0] === 'Z' || fields[0] === 'X') return 'dead'
  return `${readText('/proc/sys/kernel/random/boot_id')?.trim()} ${fields[19]}`
}

function parseHolder(text: string): Holder | undefined {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null || !('pid' in value) || !Number.isInteger(value.pid)) return undefined
    return { pid: Number(value.pid), born: 'born' in value ? String(value.born) : '' }
  } catch {
    return undefined
  }
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined
}
