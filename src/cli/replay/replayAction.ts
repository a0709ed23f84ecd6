// What `switchgear replay FILE` does: runs a journal again and says whether the breakers do what was recorded.
import { readFileSync } from 'node:fs'
import type { JournalKey } from '../../bus/batchCipher.ts'
import { systemClock } from '../../model/clock.ts'
import { JournalError } from '../../model/errors.ts'
import { type JournalReplay, replayJournal } from '../../replay/replayJournal.ts'
import { CommandFailure, inOneLine } from '../commandFailure.ts'
import { interruption } from '../interruption.ts'
import { styleFor } from '../terminal/style.ts'
import { ReplayProgress } from './replayProgress.ts'
import { replayReport } from './replayReport.ts'

export interface ReplayFlags {
  readonly rotated?: boolean
  readonly keyFile?: string
  readonly json?: boolean
}

const DIFFERS = 1
const UNREADABLE = 2

export async function runReplay(file: string, { rotated = false, keyFile, json = false }: ReplayFlags): Promise<void> {
  const progress = new ReplayProgress(systemClock, process.stderr)
  const stopped = interruption()
  const key = keyFile === undefined ? undefined : readKey(keyFile, json)
  let result: JournalReplay
  try {
    result = await replayJournal(file, {
      rotated,
      ...(key === undefined ? undefined : { key }),
      onProgress: (records) => {
        stopped.throwIfAborted()
        progress.show(records)
      },
    })
    if (result.sessions === 0) throw new JournalError(file, 1, 'the file is empty; a journal begins with a header')
  } catch (error) {
    progress.clear()
    if (stopped.aborted) return
    if (error instanceof JournalError) throw unreadable(error.file, error.line, error.problem, json, error)
    throw unreadable(file, undefined, systemReason(error), json, error)
  }
  progress.clear()
  if (result.differences > 0) process.exitCode = DIFFERS
  if (json) console.log(JSON.stringify({ result: result.differences === 0 ? 'identical' : 'differs', file, ...result }))
  else console.log(replayReport(result, styleFor(process.stdout)))
}

/** The failure to throw; a script is told on stdout as well. */
function unreadable(file: string, line: number | undefined, reason: string, json: boolean, cause: unknown): CommandFailure {
  if (json) console.log(JSON.stringify({ result: 'unreadable', file, line, reason }))
  return new CommandFailure(`${file}${line === undefined ? '' : `:${line}`}: ${reason}`, UNREADABLE, { cause })
}

function readKey(file: string, json: boolean): JournalKey {
  try {
    const bytes = readFileSync(file)
    return bytes.length === 32 ? bytes : bytes.toString('utf8').trim()
  } catch (error) {
    throw unreadable(file, undefined, `the key cannot be read: ${systemReason(error)}`, json, error)
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EISDIR: 'it is a directory',
  EACCES: 'it may not be read',
}

function systemReason(error: unknown): string {
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
  return REASONS[code] ?? inOneLine(error)
}
