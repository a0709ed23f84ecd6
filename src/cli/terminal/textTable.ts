// Lays cells out in columns. Where the lines would be too long, columns that matter less are left out, and the rest is cut.
import type { Paint } from './style.ts'

export interface Cell {
  readonly text: string
  readonly paint?: Paint | undefined
}

export interface Column {
  readonly title: string
  readonly align?: 'left' | 'right'
  /** Columns with higher numbers are left out first; without one, a column stays. */
  readonly dispensable?: number
  /** The least width, so that a table does not jump about while its numbers grow. */
  readonly width?: number
}

const GAP = '  '

/** The lines of a table, its titles first, each at most `width` columns wide. */
export function textTable(columns: readonly Column[], rows: readonly (readonly Cell[])[], width: number, title: Paint): string[] {
  const widths = columns.map((column, i) =>
    Math.max(column.width ?? 0, column.title.length, ...rows.map((row) => row[i]?.text.length ?? 0)),
  )
  const shown = fitting(columns, widths, width)
  const heading = columns.map((column): Cell => ({ text: column.title, paint: title }))
  return [heading, ...rows].map((row) => line(row, columns, widths, shown, width))
}

/** `text` in at most `width` columns. */
export function clip(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`
}

function fitting(columns: readonly Column[], widths: readonly number[], width: number): number[] {
  let shown = columns.map((_, i) => i)
  const total = (): number => shown.reduce((sum, i) => sum + (widths[i] ?? 0), 0) + GAP.length * (shown.length - 1)
  while (total() > width) {
    const [least] = shown
      .filter((i) => columns[i]?.dispensable !== undefined)
      .sort((a, b) => (columns[b]?.dispensable ?? 0) - (columns[a]?.dispensable ?? 0))
    if (least === undefined) break
    shown = shown.filter((i) => i !== least)
  }
  return shown
}

function line(
  row: readonly Cell[],
  columns: readonly Column[],
  widths: readonly number[],
  shown: readonly number[],
  width: number,
): string {
  let left = width
  const parts: string[] = []
  for (const i of shown) {
    const cell = row[i] ?? { text: '' }
    const own = widths[i] ?? 0
    const isLast = i === shown.at(-1)
    const padded = columns[i]?.align === 'right' ? cell.text.padStart(own) : isLast ? cell.text : cell.text.padEnd(own)
    const gap = parts.length === 0 ? '' : GAP
    const text = clip(padded, left - gap.length)
    if (left <= gap.length) break
    left -= gap.length + text.length
    parts.push(gap + (cell.paint ? cell.paint(text) : text))
  }
  return parts.join('')
}
