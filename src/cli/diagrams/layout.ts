// Where boxes, arrows and their labels go: elkjs does the arithmetic (layered, orthogonal). It is needed for pictures only,
// so it is asked for when a picture is drawn and not before.
import type { ELK, ElkExtendedEdge, ElkNode } from 'elkjs'
import { type Arrow, type ArrowLine, distinct } from './arrows.ts'
import { type Box, SIZES, widthOf } from './boxes.ts'
import { wrap } from './textWidth.ts'

export interface Point {
  readonly x: number
  readonly y: number
}
export interface PlacedBox extends Point {
  readonly box: Box
  readonly width: number
  readonly height: number
}
export interface PlacedLabel extends Point {
  readonly width: number
  readonly height: number
  readonly lines: readonly LabelLine[]
}
export interface PlacedArrow {
  readonly points: readonly Point[]
  readonly label: PlacedLabel | undefined
}
export interface Layout {
  readonly width: number
  readonly height: number
  /** Outermost first, so that they can be painted in this order. */
  readonly boxes: readonly PlacedBox[]
  readonly starts: readonly Point[]
  readonly arrows: readonly PlacedArrow[]
}
export interface LabelLine {
  readonly text: string
  readonly style: 'event' | 'note'
}

export interface LayoutRequest {
  readonly boxes: readonly Box[]
  /** Path of the top state entered first. */
  readonly initial: string | undefined
  readonly arrows: readonly Arrow[]
  /** Rows of states from top to bottom; absent: as it comes. */
  readonly rows?: readonly (readonly string[])[]
}

export const START_RADIUS = 6

export async function layOut(request: LayoutRequest): Promise<Layout> {
  const elk = await layoutEngine()
  const all = new Map(flattened(request.boxes).map((box) => [box.path, box]))
  const labels = new Map(request.arrows.map((arrow) => [edgeId(arrow), labelLines(arrow.lines)]))
  const graph = await elk.layout({
    id: 'root',
    layoutOptions: { ...OPTIONS, ...(request.rows ? { 'elk.partitioning.activate': 'true' } : {}) },
    ...contents('', request.boxes, request.initial, request, labels),
  })
  return collect(graph, all, labels)
}

async function layoutEngine(): Promise<ELK> {
  try {
    const { default: elkjs } = await import('elkjs')
    return new elkjs.default()
  } catch (cause) {
    throw new Error('Drawing SVG needs the package elkjs, which is not installed: npm i elkjs', { cause })
  }
}

const OPTIONS = {
  'elk.algorithm': 'layered',
  'elk.direction': 'DOWN',
  'elk.edgeRouting': 'ORTHOGONAL',
  'elk.randomSeed': '1',
  'elk.padding': '[top=24,left=24,bottom=24,right=24]',
  'elk.spacing.nodeNode': '36',
  'elk.spacing.edgeNode': '18',
  'elk.spacing.edgeEdge': '14',
  'elk.spacing.edgeLabel': '6',
  'elk.layered.spacing.nodeNodeBetweenLayers': '28',
  'elk.layered.spacing.edgeNodeBetweenLayers': '16',
  'elk.layered.spacing.edgeEdgeBetweenLayers': '14',
  'elk.layered.thoroughness': '20',
  'elk.layered.nodePlacement.strategy': 'NETWORK_SIMPLEX',
  'elk.edgeLabels.inline': 'true',
}

type Labels = ReadonlyMap<string, readonly LabelLine[]>

function contents(
  path: string,
  boxes: readonly Box[],
  initial: string | undefined,
  request: LayoutRequest,
  labels: Labels,
): { children: ElkNode[]; edges: ElkExtendedEdge[] } {
  const arrows = request.arrows.filter(({ from }) => boxes.some((box) => box.path === from))
  const first = path === '' && boxes.length > 1 ? initial : undefined
  const start = { id: 'start', width: 2 * START_RADIUS, height: 2 * START_RADIUS }
  return {
    children: [
      ...(first === undefined ? [] : [{ ...start, ...inRow(request, 0) }]),
      ...boxes.map((box) => node(box, request, labels)),
    ],
    edges: [
      ...(first === undefined ? [] : [{ id: 'from start', sources: [start.id], targets: [first] }]),
      ...arrows.map((arrow) => edge(arrow, labels.get(edgeId(arrow)) ?? [])),
    ],
  }
}

function node(box: Box, request: LayoutRequest, labels: Labels): ElkNode {
  const row = request.rows?.findIndex((names) => names.includes(box.path)) ?? -1
  const { layoutOptions = {} } = inRow(request, row)
  const size = {
    id: box.path,
    width: box.width,
    height: box.height,
    layoutOptions: { ...nodeOptions(box, request), ...layoutOptions },
  }
  return box.children.length === 0 ? size : { ...size, ...contents(box.path, box.children, box.state.initial, request, labels) }
}

function inRow({ rows }: LayoutRequest, row: number): { layoutOptions?: Record<string, string> } {
  return rows && row >= 0 ? { layoutOptions: { 'elk.partitioning.partition': String(row) } } : {}
}

function nodeOptions(box: Box, { rows }: LayoutRequest): Record<string, string> {
  if (box.children.length === 0) return {}
  const inRows = box.children.some(({ path }) => rows?.some((names) => names.includes(path)))
  return {
    ...OPTIONS,
    'elk.padding': `[top=${box.height + 4},left=12,bottom=12,right=12]`,
    'elk.nodeSize.constraints': 'MINIMUM_SIZE',
    'elk.nodeSize.minimum': `(${box.width}, ${box.height})`,
    'elk.layered.considerModelOrder.strategy': 'PREFER_NODES',
    'elk.layered.considerModelOrder.components': 'MODEL_ORDER',
    'elk.spacing.nodeNode': '14',
    'elk.layered.spacing.nodeNodeBetweenLayers': '16',
    ...(inRows ? { 'elk.partitioning.activate': 'true' } : {}),
  }
}

function edge(arrow: Arrow, lines: readonly LabelLine[]): ElkExtendedEdge {
  const id = edgeId(arrow)
  const width = Math.ceil(Math.max(...lines.map(({ style, text }) => widthOf(style, text))) + 10)
  const height = lines.length * SIZES.event.leading + 4
  return { id, sources: [arrow.from], targets: [arrow.to], labels: [{ id: `label ${id}`, text: id, width, height }] }
}

function edgeId({ from, to }: Arrow): string {
  return `${from} → ${to}`
}

/** One event a line, then where they lead if that is a substate. */
function labelLines(lines: readonly ArrowLine[]): LabelLine[] {
  return lines.flatMap(({ within, events, into }) => [
    ...(within === undefined ? [] : [{ style: 'note', text: `in ${within}:` } as const]),
    ...distinct(events).map((text) => ({ style: 'event', text }) as const),
    ...wrap(into.length === 0 ? '' : `→ ${into.join(', ')}`, 190, (text) => widthOf('note', text)).map(
      (text) => ({ style: 'note', text }) as const,
    ),
  ])
}

function flattened(boxes: readonly Box[]): Box[] {
  return boxes.flatMap((box) => [box, ...flattened(box.children)])
}

function collect(graph: ElkNode, boxes: ReadonlyMap<string, Box>, labels: Labels): Layout {
  const placed: { boxes: PlacedBox[]; starts: Point[]; arrows: PlacedArrow[] } = { boxes: [], starts: [], arrows: [] }
  const visit = (parent: ElkNode, dx: number, dy: number) => {
    for (const child of parent.children ?? []) {
      const { x, y, width, height } = rectangle(child, dx, dy)
      const box = boxes.get(child.id)
      if (box) placed.boxes.push({ box, x, y, width, height })
      else placed.starts.push({ x: x + START_RADIUS, y: y + START_RADIUS })
      visit(child, x, y)
    }
    for (const { id, sections, labels: places } of parent.edges ?? []) {
      const section = sections?.[0]
      if (!section) continue
      const points = [section.startPoint, ...(section.bendPoints ?? []), section.endPoint]
      const place = places?.[0]
      placed.arrows.push({
        points: points.map((point) => ({ x: point.x + dx, y: point.y + dy })),
        label: place && { ...rectangle(place, dx, dy), lines: labels.get(id) ?? [] },
      })
    }
  }
  visit(graph, 0, 0)
  return { width: Math.ceil(graph.width ?? 0), height: Math.ceil(graph.height ?? 0), ...placed }
}

function rectangle(
  { x = 0, y = 0, width = 0, height = 0 }: Partial<Record<'x' | 'y' | 'width' | 'height', number>>,
  dx: number,
  dy: number,
) {
  return { x: x + dx, y: y + dy, width, height }
}
