// Sees to it that one process at a time writes a journal: a lock file beside it tells who does. The lock of a process that is
// gone is taken over. Whether a process of another machine or container is gone cannot be seen from here: its lock stands as
// long as its holder keeps touching it.
import { randomBytes } from 'node:crypto'
import { linkSync, readFileSync, readlinkSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { hostname } from 'node:os'
import { JournalError } from '../model/errors.ts'

/** How often a holder touches its lock, ms. */
export const HEARTBEAT = 10_000
/** A lock of another machine or container that was not touched for this long is taken over, ms. */
const ABANDONED_AFTER = 60_000

interface Holder {
  readonly pid: number
  /** When that process started, in the system's own words; pids are used again (in containers always), these are not. */
  readonly born: string
  /** Where the pid means that process: the machine and its pid namespace. */
  readonly host: string
  readonly namespace: string
}

export interface FileLock {
  /** Says that the holder lives. Never rejects. */
  touch(): Promise<void>
  release(): void
}

/** Takes the lock of `file`. Throws a JournalError when a process holds it that lives, or may live where we cannot see it. */
export function lockFile(file: string): FileLock {
  const lock = `${file}.lock`
  const own = besides(lock)
  const holder: Holder = { pid: process.pid, born: birthOf(process.pid) ?? '', host: hostname(), namespace: pidNamespace() }
  const text = JSON.stringify(holder)
  writeFileSync(own, text, { flag: 'wx', mode: 0o600 })
  const { ino: inode, mtimeMs: now } = statSync(own)
  try {
    // A link appears at once and with its content, so nobody can read a lock that is half written.
    while (!linked(own, lock)) removeStale(file, lock, { ...holder, now })
  } finally {
    rmSync(own, { force: true })
  }
  return {
    touch: () => rewrite(lock, inode, text).catch(() => undefined),
    release() {
      if (readText(lock) === text) rmSync(lock, { force: true })
    },
  }
}

/** Writes what is there already: the time of that is the file system's, the same for all machines that share it. */
async function rewrite(lock: string, inode: number, text: string): Promise<void> {
  const handle = await open(lock, 'r+')
  try {
    if ((await handle.stat()).ino === inode) await handle.write(text, 0)
  } finally {
    await handle.close()
  }
}

/** A name that nobody can have foreseen, and laid a link under. */
function besides(lock: string): string {
  return `${lock}.${randomBytes(8).toString('hex')}`
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

/** Throws when the lock must stand. `us.now` is the present as the file system has it, epoch ms. */
function removeStale(file: string, lock: string, us: Holder & { readonly now: number }): void {
  // One that is there and cannot be read is no lock of ours to judge: that throws.
  const text = unlessGone(() => readFileSync(lock, 'utf8'))
  const touched = statSync(lock, { throwIfNoEntry: false })?.mtimeMs
  if (text === undefined || touched === undefined) return
  const holder = parseHolder(text)
  if (holder !== undefined) refuseIfHeld(file, lock, holder, us, us.now - touched)
  // Moved aside before it is judged again: another process may have taken the stale lock over between our look and our move.
  const aside = besides(lock)
  if (unlessGone(() => renameSync(lock, aside) ?? true) === undefined) return
  if (readText(aside) !== text) linked(aside, lock)
  rmSync(aside, { force: true })
}

/** What `act` returns; undefined when the file it acts on is gone, as the locks of others come and go. */
function unlessGone<T>(act: () => T): T | undefined {
  try {
    return act()
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

function refuseIfHeld(file: string, lock: string, holder: Holder, us: Holder, untouchedFor: number): void {
  const { pid, host, namespace } = holder
  if (host === us.host && namespace === us.namespace) {
    if (!isAlive(holder)) return
    const problem = `process ${pid} is writing this journal (its lock is ${lock}); ${ALLOWED}`
    throw new JournalError(file, 0, problem)
  }
  if (untouchedFor > ABANDONED_AFTER) return
  const seconds = Math.max(0, Math.round(untouchedFor / 1000))
  const where = host === us.host ? 'in another container' : `on another machine or in another container (${host})`
  throw new JournalError(
    file,
    0,
    `process ${pid} ${where} was writing this journal ${seconds} s ago, and may still be; ${ALLOWED}. ` +
      `If that process is gone, remove ${lock}, or wait until it has not been touched for ${ABANDONED_AFTER / 1000} s`,
  )
}

const ALLOWED = 'allowed: one process at a time, each with a file of its own'

/** Empty where the system knows no such thing. */
function pidNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid')
  } catch {
    return ''
  }
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
    return {
      pid: Number(value.pid),
      born: 'born' in value ? String(value.born) : '',
      host: 'host' in value ? String(value.host) : '',
      namespace: 'namespace' in value ? String(value.namespace) : '',
    }
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
