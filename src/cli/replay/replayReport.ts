// What a replay came to, in lines for a terminal.
import type { JournalReplay } from '../../replay/replayJournal.ts'
import type { Style } from '../terminal/style.ts'
import { differenceReport } from './differenceReport.ts'
import { replayWords } from './replayWords.ts'

export function replayReport(result: JournalReplay, style: Style): string {
  const { first, torn, dropped } = result
  const lines = [(first ? style.red : style.green)(replayWords(result))]
  if (torn) lines.push(`note: line ${torn.line} was cut short by a crash; its ${torn.bytes} bytes were skipped`)
  if (dropped > 0) lines.push(`note: ${dropped} records had been dropped when it was written, because the disk could not keep up`)
  if (first) lines.push('', differenceReport(first, style))
  return lines.join('\n')
}
