// Shows where a replay and its recording part: both sides field by field, what differs marked, and the inputs that led there.
import type { Difference } from '../../replay/difference.ts'
import type { Style } from '../terminal/style.ts'
import { eventWords } from './eventWords.ts'

const WIDEST = 48
/** Sides with more fields than this are shown by their differing fields only. */
const SHOWN_WHOLE = 24
const SHOWN_AT_MOST = 40

export function differenceReport(difference: Difference, style: Style): string {
  const { line, service, what, recorded, replayed, trail } = difference
  const lines = [style.bold(`First difference: line ${line}, ${service}: ${what}`), '']
  lines.push(...sides(recorded, replayed, style))
  if (trail.length > 0) {
    const at = timeOf(recorded) ?? timeOf(replayed) ?? trail.at(-1)?.record.at ?? 0
    lines.push('', style.bold(`The last inputs of ${service} before it:`))
    const width = String(trail.at(-1)?.line ?? 0).length
    for (const { line: inputLine, record } of trail) {
      const seconds = ((record.at - at) / 1000).toFixed(3).replace(/^-0\.000$/, '0.000')
      lines.push(`  line ${String(inputLine).padStart(width)}  ${`${seconds} s`.padStart(11)}  ${eventWords(record)}`)
    }
  }
  return lines.join('\n')
}

interface Row {
  readonly field: string
  readonly left: string
  readonly right: string
}

function sides(recorded: unknown, replayed: unknown, style: Style): string[] {
  const left = fieldsOf(recorded)
  const right = fieldsOf(replayed)
  const fields = [...new Set([...left.keys(), ...right.keys()])]
  const rows = fields.map((field): Row => ({ field, left: left.get(field) ?? '–', right: right.get(field) ?? '–' }))
  const differing = rows.filter(differs)
  const chosen = rows.length <= SHOWN_WHOLE ? rows : differing
  const shown = chosen.slice(0, SHOWN_AT_MOST)
  const nothing = (side: unknown): string => (side === undefined ? ' (nothing)' : '')
  const heading: Row = { field: '', left: `recorded${nothing(recorded)}`, right: `replayed${nothing(replayed)}` }
  const widthOf = (of: (row: Row) => string): number => Math.max(...[heading, ...shown].map((row) => of(row).length))
  const [fieldWidth, leftWidth] = [widthOf(({ field }) => field), widthOf((row) => row.left)]
  const text = (mark: string, row: Row): string =>
    `${mark} ${row.field.padEnd(fieldWidth)}  ${row.left.padEnd(leftWidth)}  ${row.right}`.trimEnd()
  const lines = [
    style.dim(text(' ', heading)),
    ...shown.map((row) => (differs(row) ? style.red(text('≠', row)) : text(' ', row))),
  ]
  const equal = rows.length - differing.length
  if (chosen !== rows && equal > 0) lines.push(style.dim(`  and ${equal} fields that are equal`))
  if (shown.length < chosen.length) lines.push(style.dim(`  and ${chosen.length - shown.length} more that differ`))
  return lines
}

function differs({ left, right }: Row): boolean {
  return left !== right
}

/** The leaves of a value by their dotted paths. */
function fieldsOf(value: unknown, path = ''): Map<string, string> {
  if (value === undefined) return new Map()
  if (typeof value !== 'object' || value === null) return new Map([[path || 'value', shownValue(value)]])
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined)
  if (entries.length === 0) return new Map(path === '' ? [] : [[path, Array.isArray(value) ? '[]' : '{}']])
  return new Map(entries.flatMap(([key, inner]) => [...fieldsOf(inner, path === '' ? key : `${path}.${key}`)]))
}

/** Numbers of this size are epoch ms. */
const EPOCH = 1_000_000_000_000

function shownValue(value: unknown): string {
  if (typeof value === 'number' && value >= EPOCH && value < 10 * EPOCH) return new Date(value).toISOString()
  const text = typeof value === 'string' ? value : String(value)
  return text.length > WIDEST ? `${text.slice(0, WIDEST - 1)}…` : text
}

function timeOf(side: unknown): number | undefined {
  if (typeof side !== 'object' || side === null || !('at' in side)) return undefined
  return typeof side.at === 'number' ? side.at : undefined
}
