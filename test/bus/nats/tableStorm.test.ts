// Tables under all that can come in between at once: links that put and remove, looks, entries that lapse, lost connections and lost
// answers. Whatever happens, each link ends with the last word of each writer, and needs no more than one look for that.
import { test } from 'vitest'
import type { FleetTable } from '../../../src/bus/fleetLink.ts'
import type { NatsLink } from '../../../src/bus/nats/natsLink.ts'
import { freshSeed, type Random, seededRandom } from '../../../src/model/random.ts'
import { VirtualClock } from '../../../src/model/virtualClock.ts'
import { describeWithNats, natsServer } from '../../fleet/natsServer.ts'
import { type Proxy as Line, proxy } from '../../fleet/proxy.ts'
import { directive, linkTo, nodeEntry, ready, until } from './natsLink.ts'

/** More of them find what is rare: STORM=1000 npx vitest run test/bus/nats/tableStorm.test.ts */
const ROUNDS = Number(process.env.STORM ?? 30)
/** Between two looks at a bucket, and until all that is there lapses; ms. */
const LOOK = 5000
const LAPSE = 60_000
const KEYS = 4
/** Changes are told of within ms, and after a lost connection within half a second; real ms. */
const TOLD = 2000

describeWithNats('a storm over the tables', () => {
  test('each link ends with the last word of each writer, a look later at the latest', { timeout: ROUNDS * 2000 }, async () => {
    const seed = freshSeed()
    const random = seededRandom(seed)
    const ships = await fleet(['a', 'b', 'c'])
    for (let round = 1; round <= ROUNDS; round++) {
      const words = new Map<string, number | undefined>()
      // All that happens in one moment: of what is put in it nothing is heard before time has passed.
      for (const act of shuffled(random, [...passings(random, ships), ...writings(random, ships, words, 10 * round)])) act()
      if (random.next() < 0.5) await new Promise((resolve) => setTimeout(resolve, random.next() * 5))
      await trouble(random, ships)
      for (const act of shuffled(random, writings(random, ships, words, 10 * round + 5))) act()
      const wanted = inOrder([...words].filter(([, word]) => word !== undefined))
      const isQuiet = (): boolean => ships.every(({ link }) => seenBy(link) === wanted)
      await until(calm(ships, isQuiet), `the last words of round ${round} of seed ${seed}`)
    }
  })
})

interface Ship {
  readonly link: NatsLink
  readonly clock: VirtualClock
  readonly line: Line
}

type Act = () => void

async function fleet(nodes: readonly string[]): Promise<readonly Ship[]> {
  const { port } = await natsServer()
  const ships: Ship[] = []
  for (const node of nodes) {
    const line = await proxy(port)
    const clock = new VirtualClock()
    ships.push({ link: linkTo(`127.0.0.1:${line.port}`, node, {}, { clock }), clock, line })
  }
  await ready(...ships.map(({ link }) => link))
  return ships
}

/** A look is due at some, and at some all that is there lapses, long before it does at the server. */
function passings(random: Random, ships: readonly Ship[]): Act[] {
  return ships.flatMap(({ clock }) => {
    const chance = random.next()
    if (chance < 0.4) return [() => clock.advance(LOOK)]
    return chance < 0.6 ? [() => clock.advance(LAPSE)] : []
  })
}

/** `isQuiet`, for which time passes until a look after all had time enough to be told. */
function calm(ships: readonly Ship[], isQuiet: () => boolean): () => boolean {
  const from = performance.now()
  let passed = 0
  return () => {
    if (isQuiet()) return true
    if (performance.now() - from < TOLD || passed >= LOOK || !ships.every(({ link }) => link.connected)) return false
    passed += 50
    for (const { clock } of ships) clock.advance(50)
    return false
  }
}

/** Each writes its own keys once or more: of nodes each, of directives the first. */
function writings(random: Random, ships: readonly Ship[], words: Map<string, number | undefined>, from: number): Act[] {
  return ships.flatMap(({ link }, i) =>
    Array.from({ length: KEYS * (i === 0 ? 2 : 1) }, (_, key) => {
      const isDirective = key >= KEYS
      const name = `${link.node}${key}`
      const table: Pick<FleetTable<never>, 'remove'> = isDirective ? link.directives : link.nodes
      return () => {
        for (let word = from; word <= from + random.next() * 3; word++) {
          const isRemoved = random.next() < 0.2
          words.set(name, isRemoved ? undefined : word)
          if (isRemoved) table.remove(name)
          else if (isDirective) link.directives.put(name, directive(name, { epoch: word }))
          else link.nodes.put(name, nodeEntry(name, { dropped: word }))
        }
      }
    }),
  )
}

/** Now and then a connection is lost, with or without what the server had said on it. */
async function trouble(random: Random, ships: readonly Ship[]): Promise<void> {
  for (const { line, link } of ships) {
    const chance = random.next()
    if (chance > 0.06) continue
    if (chance < 0.03) {
      line.partition('answers')
      link.nodes.put(`${link.node}0`, nodeEntry(`${link.node}0`))
      await new Promise((resolve) => setTimeout(resolve, random.next() * 10))
      line.heal()
    } else line.cut()
  }
}

/** All that a link has, in one line. */
function seenBy({ nodes, directives }: NatsLink): string {
  return inOrder([
    ...[...nodes.entries].map(([name, { value }]) => [name, value.dropped] as const),
    ...[...directives.entries].map(([name, { value }]) => [name, value.epoch] as const),
  ])
}

function inOrder(words: readonly (readonly [name: string, word: number | undefined])[]): string {
  return words
    .map(([name, word]) => `${name}=${word}`)
    .sort()
    .join(' ')
}

function shuffled(random: Random, acts: readonly Act[]): Act[] {
  return acts
    .map((act) => ({ act, order: random.next() }))
    .sort((one, other) => one.order - other.order)
    .map(({ act }) => act)
}
