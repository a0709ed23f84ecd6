// A chart as an SVG that stands alone: no fonts, no scripts, light or dark as the reader prefers, the same bytes every time.
import { arrowsOf, doingsOf, entriesOf } from './arrows.ts'
import { BEGINS, boxOf, type PlacedLine, SIZES } from './boxes.ts'
import type { Chart } from './chart.ts'
import { layOut, type PlacedArrow, type PlacedBox, type PlacedLabel, type Point, START_RADIUS } from './layout.ts'
import type { DrawnMachine, Overview } from './machines.ts'
import { STYLE } from './svgStyle.ts'
import { sansWidth, wrap } from './textWidth.ts'

/** The whole chart, or with `overview` its top states and the chosen arrows. Throws when elkjs is not installed. */
export async function svgOf(chart: Chart, drawn: Omit<DrawnMachine, 'machine'>, overview?: Overview): Promise<string> {
  const arrows = arrowsOf(chart, drawn)
  const contents = {
    entries: entriesOf(chart, drawn),
    doings: doingsOf(chart, drawn),
    substates: overview ? 'told' : 'drawn',
  } as const
  const tops = chart.root.states.length > 0 ? chart.root.states : [chart.root]
  const layout = await layOut({
    boxes: tops.map((state) => boxOf(state, contents)),
    initial: chart.root.initial,
    arrows: overview ? chosen(arrows, overview, chart.name) : arrows,
    ...(drawn.rows ? { rows: drawn.rows } : {}),
  })
  const remarks = [
    ...(tops.some(({ initial }) => initial !== undefined)
      ? [`${BEGINS} where a state begins unless an arrow says otherwise.`]
      : []),
    ...(overview ? [overview.leftOut] : []),
  ]
  const footer = wrap(remarks.join(' '), layout.width - 48, (line) => sansWidth(line, SIZES.note.size))
  const height = layout.height + footer.length * SIZES.note.leading
  const title = overview ? `${chart.name}, an overview` : chart.name
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${layout.width} ${height}" width="${layout.width}" height="${height}" role="img" aria-label="${escaped(`Statechart of ${title}`)}">`,
    `<title>${escaped(`Statechart of ${title}`)}</title>`,
    `<style>${STYLE}</style>`,
    '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto-start-reverse"><path d="M0 0L8 4L0 8Z" class="head"/></marker></defs>',
    `<rect class="paper" width="${layout.width}" height="${height}" rx="10"/>`,
    ...layout.boxes.map((box) => boxSvg(box, drawn.tones?.[box.box.path])),
    ...layout.starts.map(({ x, y }) => `<circle class="start" cx="${round(x)}" cy="${round(y)}" r="${START_RADIUS}"/>`),
    ...layout.arrows.map(({ points }) => `<path class="arrow" marker-end="url(#head)" d="${roundedPath(points)}"/>`),
    ...layout.arrows.flatMap(labelSvg),
    ...footer.map((line, index) =>
      text({ text: line, style: 'note', x: 24, y: layout.height + index * SIZES.note.leading }, 0, 0),
    ),
    '</svg>',
  ].join('\n')}\n`
}

/** Text as it may stand in XML, in content and in double quotes. */
export function escaped(words: string): string {
  return words.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;')
}

function chosen(arrows: ReturnType<typeof arrowsOf>, overview: Overview, name: string): ReturnType<typeof arrowsOf> {
  return overview.arrows.map((wanted) => {
    const arrow = arrows.find(({ from, to }) => `${from} → ${to}` === wanted)
    if (!arrow) throw new Error(`The overview of ${name} wants the arrow ${wanted}, which the machine does not have`)
    const events = [...new Set(arrow.lines.flatMap((line) => line.events))]
    return { ...arrow, lines: [{ within: undefined, events, into: [] }] }
  })
}

function boxSvg({ box, x, y, width, height }: PlacedBox, tone: string | undefined): string {
  const depth = box.path.split('.').length
  const frame = `x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(height)}"`
  const parts = [`<g class="state depth${depth}${tone ? ` ${tone}` : ''}">`, `<rect class="box" ${frame} rx="10"/>`]
  if (tone && box.state.kind !== 'final')
    parts.push(`<rect class="stripe" x="${round(x)}" y="${round(y + 10)}" width="5" height="${round(height - 20)}"/>`)
  if (box.state.kind === 'final') {
    const inner = `x="${round(x + 3)}" y="${round(y + 3)}" width="${round(width - 6)}" height="${round(height - 6)}"`
    parts.push(`<rect class="inner" ${inner} rx="7"/>`)
  }
  for (const { x: fx, y: fy, width: fw, height: fh } of box.frames) {
    parts.push(`<rect class="told" x="${round(x + fx)}" y="${round(y + fy)}" width="${round(fw)}" height="${round(fh)}" rx="7"/>`)
  }
  return [...parts, ...box.lines.map((line) => text(line, x, y)), '</g>'].join('\n')
}

function labelSvg({ label }: PlacedArrow): string[] {
  if (!label) return []
  return [
    `<rect class="label" x="${round(label.x)}" y="${round(label.y)}" width="${round(label.width)}" height="${round(label.height)}" rx="4"/>`,
    ...label.lines.map((line, index) => text({ ...line, x: 5, y: baseline(index) }, label.x, label.y)),
  ]
}

function baseline(index: number): PlacedLabel['y'] {
  const { size, leading } = SIZES.event
  return 2 + index * leading + size
}

function text({ text: words, style, x, y }: PlacedLine, dx: number, dy: number): string {
  return `<text class="${style}" x="${round(x + dx)}" y="${round(y + dy)}">${escaped(words)}</text>`
}

/** Right angles, rounded off. */
function roundedPath(points: readonly Point[]): string {
  return points
    .map((point, index) => {
      const before = points[index - 1]
      const next = points[index + 1]
      if (!before) return `M${round(point.x)} ${round(point.y)}`
      if (!next) return `L${round(point.x)} ${round(point.y)}`
      const into = towards(point, before)
      const out = towards(point, next)
      return `L${round(into.x)} ${round(into.y)}Q${round(point.x)} ${round(point.y)} ${round(out.x)} ${round(out.y)}`
    })
    .join('')
}

function towards(from: Point, to: Point): Point {
  const length = Math.hypot(to.x - from.x, to.y - from.y)
  const share = length === 0 ? 0 : Math.min(8, length / 2) / length
  return { x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share }
}

function round(value: number): string {
  return String(Math.round(value * 10) / 10)
}
