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

/** A column as it is laid out: with the place of its cell in a row, and its width. */
interface Fitted {
  readonly column: Column
  readonly index: number
  readonly width: number
}

/** The lines of a table, its titles first, each at most `width` columns wide. */
export function textTable(columns: readonly Column[], rows: readonly (readonly Cell[])[], width: number, title: Paint): string[] {
  const all = columns.map((column, index): Fitted => {
    const widths = rows.map((row) => row[index]?.text.length ?? 0)
    return { column, index, width: Math.max(column.width ?? 0, column.title.length, ...widths) }
  })
  const shown = fitting(all, width)
  const heading = columns.map((column): Cell => ({ text: column.title, paint: title }))
  return [heading, ...rows].map((row) => line(row, shown, width))
}

/** `text` in at most `width` columns. */
export function clip(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`
}

function fitting(all: readonly Fitted[], width: number): readonly Fitted[] {
  let shown = all
  const total = (): number => shown.reduce((sum, one) => sum + one.width, 0) + GAP.length * (shown.length - 1)
  const rank = ({ column }: Fitted): number => column.dispensable ?? Number.NEGATIVE_INFINITY
  while (total() > width) {
    const most = Math.max(...shown.map(rank))
    if (most === Number.NEGATIVE_INFINITY) break
    const least = shown.find((one) => rank(one) === most)
    shown = shown.filter((one) => one !== least)
  }
  return shown
}

function line(row: readonly Cell[], shown: readonly Fitted[], width: number): string {
  let left = width
  const parts: string[] = []
  for (const { column, index, width: own } of shown) {
    const cell = row[index] ?? { text: '' }
    const isLast = index === shown.at(-1)?.index
    const padded = column.align === 'right' ? cell.text.padStart(own) : isLast ? cell.text : cell.text.padEnd(own)
    const gap = parts.length === 0 ? '' : GAP
    const text = clip(padded, left - gap.length)
    if (left <= gap.length) break
    left -= gap.length + text.length
    parts.push(gap + (cell.paint ? cell.paint(text) : text))
  }
  return parts.join('')
}
