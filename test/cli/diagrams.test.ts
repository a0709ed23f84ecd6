// The pictures and tables of the machines: what they show, that they are stable, and that the ones in the repository are fresh.
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { setup } from 'xstate'
import { arrowsOf, entriesOf } from '../../src/cli/diagrams/arrows.ts'
import { chartOf } from '../../src/cli/diagrams/chart.ts'
import { DRAWN_MACHINES } from '../../src/cli/diagrams/machines.ts'
import { mermaidOf } from '../../src/cli/diagrams/mermaid.ts'
import { svgOf } from '../../src/cli/diagrams/svg.ts'
import { tablesOf, withTables } from '../../src/cli/diagrams/transitionsTable.ts'
import { writeDiagrams } from '../../src/cli/diagrams/writeDiagrams.ts'
import { addDiagramsCommand } from '../../src/cli/diagramsCommand.ts'
import { STATE_PATHS, STATES } from '../../src/model/states.ts'

const lamp = setup({
  guards: { isBrighter: (_, { than }: { than: number }) => than > 0, isDark: () => true },
  actions: { ring: () => {}, tick: () => {} },
}).createMachine({
  id: 'lamp',
  initial: 'off',
  states: {
    off: {
      description: 'No light; "safe" & <cold>.',
      on: { press: [{ guard: 'isDark', target: 'on.bright', description: 'Eyes | need it.' }, { actions: 'tick' }] },
    },
    on: {
      description: 'Light.',
      initial: 'dim',
      after: { 1000: 'off' },
      on: { brighten: { guard: { type: 'isBrighter', params: { than: 3 } }, target: '.bright' }, knock: { actions: 'ring' } },
      states: {
        dim: { on: { turn: { target: 'bright' }, press: { target: '#lamp.off' } } },
        bright: { on: { turn: { target: 'dim' }, press: { target: '#lamp.off' } } },
      },
    },
    broken: { type: 'final' },
  },
  on: { smash: { target: '.broken' }, back: { target: '.off' } },
})
const wording = { leaveOut: ['back'], quietGuards: ['isDark'], quietActions: ['tick'] }
const lampChart = chartOf('lamp', lamp)
const breaker = DRAWN_MACHINES.find(({ name }) => name === 'breakerMachine')!
const breakerChart = chartOf(breaker.name, breaker.machine)

describe('Mermaid', () => {
  test('a small machine is written exactly so', () => {
    expect(mermaidOf(lampChart, wording)).toBe(
      [
        'stateDiagram-v2',
        '  [*] --> off',
        '  off : off',
        '  off : No light#59; #34;safe#34; & #60;cold#62;.',
        '  %% on: Light.',
        '  %% on: knock / ring',
        '  state "on" as on {',
        '    [*] --> on_dim',
        '    on_dim : dim',
        '    on_bright : bright',
        '    on_bright : from any state in on#58; brighten [isBrighter(than#58; 3)]',
        '    on_dim --> on_bright : turn',
        '    on_bright --> on_dim : turn',
        '  }',
        '  broken : broken',
        '  broken : from any state#58; smash',
        '  broken --> [*]',
        '  off --> on : press → bright',
        '  on --> off : after 1000 ms<br/>dim#58; press<br/>bright#58; press',
        '',
      ].join('\n'),
    )
  })

  test('every state and substate of the breaker is there', () => {
    const text = mermaidOf(breakerChart, breaker)
    for (const path of STATE_PATHS) expect(text).toMatch(new RegExp(`^ *${path.replace('.', '_')} : `, 'm'))
  })
})

describe('arrows', () => {
  test('run between siblings, one for each pair, and gather their events', () => {
    const arrow = arrowsOf(breakerChart, breaker).filter(({ from, to }) => from === 'open' && to === 'halfOpen')
    expect(arrow).toEqual([
      {
        from: 'open',
        to: 'halfOpen',
        lines: [
          {
            within: 'awaitingPermit',
            events: [
              'permit.granted [notHeld]',
              'timer.permitOverdue [notHeld]',
              'directive.set [liftsHold]',
              'timer.directiveExpired [liftsHold]',
            ],
            into: [],
          },
        ],
      },
    ])
  })

  test('what leads out of any state is an entry of the state it leads to', () => {
    expect(entriesOf(breakerChart, breaker)).toContainEqual({ to: 'open.forced', anywhereIn: '', events: ['command.trip'] })
  })

  test('a substate that leaves for the state around it arrives where that state begins', () => {
    const nested = setup({}).createMachine({
      id: 'nested',
      initial: 'outer',
      states: { outer: { initial: 'first', states: { first: {}, second: { on: { again: { target: '#nested.outer' } } } } } },
    })
    const arrows = arrowsOf(chartOf('nested', nested), {})
    expect(arrows.map(({ from, to }) => `${from} → ${to}`)).toEqual(['outer.second → outer.first'])
  })
})

describe('SVG', () => {
  let pictures: string[]
  beforeAll(async () => {
    pictures = [await svgOf(breakerChart, breaker), await svgOf(breakerChart, breaker, breaker.overview)]
  })

  test('every state and substate of the breaker is named, in the whole picture and in the overview', () => {
    for (const svg of pictures) {
      const titles = [...svg.matchAll(/<text class="title"[^>]*>([^<]*)</g)].map(([, title]) => title)
      expect(titles.sort()).toEqual([...STATES].sort())
      for (const path of STATE_PATHS)
        expect(svg).toMatch(new RegExp(`<text class="(title|name)"[^>]*>(● )?${path.split('.').at(-1)}<`))
    }
  })

  test('is well-formed, whatever the words', async () => {
    for (const picture of pictures) expectWellFormed(picture)
    const svg = await svgOf(lampChart, { name: 'lamp', ...wording })
    expectWellFormed(svg)
    expect(svg).toContain('No light; &quot;safe&quot; &amp; &lt;cold&gt;.')
  })

  test('no two boxes of one rank and no two labels overlap, and all lie on the paper', () => {
    for (const svg of pictures) {
      const [paper] = rectangles(svg, 'paper')
      const tops = [...svg.matchAll(/<g class="state depth1[^>]*>\n(<rect[^>]*>)/g)].flatMap(([, rect]) =>
        rectangles(rect!, 'box'),
      )
      expect(tops).toHaveLength(7)
      expectApart([...tops, ...rectangles(svg, 'label').filter((label) => !tops.some((top) => contains(top, label)))])
      for (const box of [...tops, ...rectangles(svg, 'label')]) expect(contains(paper!, box)).toBe(true)
    }
  })

  test('is the same, byte for byte, each time it is drawn', async () => {
    expect(await svgOf(chartOf(breaker.name, breaker.machine), breaker, breaker.overview)).toBe(pictures[1])
  })

  test('a machine without states is one box', async () => {
    const svg = await svgOf(chartOf('bare', setup({}).createMachine({ id: 'bare' })), { name: 'bare' })
    expect(svg).toContain('>bare</text>')
  })

  test('an overview that wants an arrow the machine does not have is refused', async () => {
    const overview = { arrows: ['open → closed'], leftOut: '' }
    await expect(svgOf(breakerChart, breaker, overview)).rejects.toThrow('open → closed')
  })

  test('without elkjs the error says what to install', async () => {
    vi.doMock('elkjs', () => {
      throw new Error('Cannot find package')
    })
    try {
      await expect(svgOf(lampChart, { name: 'lamp' })).rejects.toThrow('npm i elkjs')
    } finally {
      vi.doUnmock('elkjs')
    }
  })
})

describe('the tables', () => {
  test('say for each state what leads where, and why', () => {
    const tables = tablesOf(lampChart, wording)
    expect(tables).toContain(
      '### `off`\n\nNo light; "safe" & <cold>.\n\n| on | to | |\n|---|---|---|\n| `press` | `on.bright` | Eyes \\| need it. |',
    )
    expect(tables).toContain('| `on.dim` | `turn` | `on.bright` |')
    expect(tables).toContain('### From any state\n\n| on | to | |\n|---|---|---|\n| `smash` | `broken` |')
    expect(tables).not.toContain('back')
  })

  test('replace what stands between their markers, and nothing else', () => {
    const doc = 'before\n<!-- begin generated: lamp (how) -->\nwhat was here\n<!-- end generated -->\nafter\n'
    const fresh = withTables(doc, [{ chart: lampChart, wording }])
    expect(fresh).toMatch(/^before\n<!-- begin generated: lamp \(how\) -->\n[\s\S]*<!-- end generated -->\nafter\n$/)
    expect(fresh).not.toContain('what was here')
    expect(withTables(fresh, [{ chart: lampChart, wording }])).toBe(fresh)
    expect(() => withTables(doc.replace('lamp', 'lump'), [{ chart: lampChart, wording }])).toThrow('lump')
  })
})

describe('the files', () => {
  let directory: string
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'diagrams-'))
  })
  afterEach(async () => {
    process.exitCode = undefined
    vi.restoreAllMocks()
    await rm(directory, { recursive: true })
  })

  test('in the repository show the machines as they are (npm run diagrams mends this)', async () => {
    const { stale, files } = await writeDiagrams({
      directory: 'visualizations/diagrams',
      docs: 'docs/states-and-transitions.md',
      check: true,
    })
    expect(stale).toEqual([])
    expect(files).toContain(join('visualizations/diagrams', 'breakerMachine.overview.svg'))
  })

  test('a check finds the one that is stale and leaves it so', async () => {
    const machines = [{ name: 'lamp', machine: lamp, ...wording }]
    await writeDiagrams({ directory, check: false, machines })
    expect(await writeDiagrams({ directory, check: true, machines })).toMatchObject({ stale: [] })
    await writeFile(join(directory, 'lamp.mmd'), 'old')
    expect(await writeDiagrams({ directory, check: true, machines })).toMatchObject({ stale: [join(directory, 'lamp.mmd')] })
    expect(await readFile(join(directory, 'lamp.mmd'), 'utf8')).toBe('old')
  })

  test('the command writes them; its check writes nothing, exits with 1 and names the command that mends it', async () => {
    const complaint = vi.spyOn(console, 'error').mockImplementation(() => {})
    const answer = vi.spyOn(console, 'log').mockImplementation(() => {})
    await command('--out', directory, '--check')
    expect(process.exitCode).toBe(1)
    expect(await readdir(directory)).toEqual([])
    expect(complaint.mock.calls[0]?.[0]).toContain('breakerMachine.svg')
    expect(complaint.mock.calls[0]?.[0]).toContain(`To mend: switchgear diagrams --out ${directory}`)
    process.exitCode = undefined
    await command('--out', directory)
    await command('--out', directory, '--check', '--json')
    expect(process.exitCode).toBeUndefined()
    expect(JSON.parse(answer.mock.calls.at(-1)?.[0])).toMatchObject({ stale: [] })
  })
})

async function command(...flags: string[]): Promise<void> {
  const program = new Command()
  addDiagramsCommand(program)
  await program.parseAsync(['diagrams', ...flags], { from: 'user' })
}

/** Tags nest and close, attributes are quoted, and no bare `<` or `&` stands in text. */
function expectWellFormed(svg: string): void {
  const open: string[] = []
  const rest = svg.replace(
    /<(\/?)([\w-]+)((?:\s[\w:-]+="[^"<&]*(?:&(?:amp|lt|gt|quot);[^"<&]*)*")*)\s*(\/?)>/g,
    (_, close, tag, __, empty) => {
      if (close) expect(open.pop()).toBe(tag)
      else if (!empty) open.push(tag)
      return ''
    },
  )
  expect(open).toEqual([])
  expect(rest.replace(/&(amp|lt|gt|quot);/g, '')).not.toMatch(/[<&]/)
}

interface Rectangle {
  x: number
  y: number
  width: number
  height: number
}

function rectangles(svg: string, className: string): Rectangle[] {
  return [...svg.matchAll(new RegExp(`<rect class="${className}"([^>]*)>`, 'g'))].map(([, attributes]) => {
    const value = (name: string) => Number(new RegExp(` ${name}="([^"]*)"`).exec(attributes!)?.[1] ?? 0)
    return { x: value('x'), y: value('y'), width: value('width'), height: value('height') }
  })
}

function expectApart(all: readonly Rectangle[]): void {
  for (const [index, a] of all.entries()) {
    for (const b of all.slice(index + 1)) {
      const apart = a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y
      expect(apart, `${JSON.stringify(a)} and ${JSON.stringify(b)}`).toBe(true)
    }
  }
}

function contains(outer: Rectangle, inner: Rectangle): boolean {
  return (
    outer.x <= inner.x &&
    outer.y <= inner.y &&
    inner.x + inner.width <= outer.x + outer.width &&
    inner.y + inner.height <= outer.y + outer.height
  )
}
