// `npm run bench`: what a call costs through each breaker, measured in one run; writes bench/results/hot-path.{json,md}.
import { mkdirSync, writeFileSync } from 'node:fs'
import { machine } from '../machine.ts'
import { hotContenders } from './contenders.ts'
import { bytesInFlight, bytesPerBreaker, replayRate, SITUATIONS, timeAll } from './measures.ts'

const RESULTS = new URL('../../../bench/results/', import.meta.url)
const OURS = 'switchgear'

const contenders = await hotContenders()
const nanoseconds: Record<string, Record<string, number>> = {}
for (const situation of SITUATIONS) {
  nanoseconds[situation] = Object.fromEntries(await timeAll(situation, contenders))
  console.error(situation, nanoseconds[situation])
}
const bytes: Record<string, { perBreaker?: number; perCallInFlight: number }> = {}
for (const contender of contenders) {
  const perCallInFlight = await bytesInFlight(contender)
  bytes[contender.name] = contender.grow
    ? { perBreaker: await bytesPerBreaker(contender.grow), perCallInFlight }
    : { perCallInFlight }
}
const replay = await replayRate()

const context = { ...machine(['switchgear', 'cockatiel', 'opossum', 'mitata']), command: 'npm run bench' }
const names = contenders.map(({ name }) => name)
const markdown = [
  '# What a call costs',
  '',
  `${context.date}, ${context.processor}, ${context.cores} cores, Node ${context.node}, ${Object.entries(context.versions)
    .map(([name, version]) => `${name} ${version}`)
    .join(', ')}; \`${context.command}\`.`,
  '',
  '## Time a call, ns; in brackets: what the breaker adds to the bare call, as a multiple of what ours adds',
  '',
  row(['', ...SITUATIONS]),
  row(['---', ...SITUATIONS.map(() => '---:')]),
  ...names.map((name) => row([name, ...SITUATIONS.map((situation) => timeCell(situation, name))])),
  '',
  'A rejection is compared whole, for no bare call is made. "failure" is the mean of a call that fails and one that does not.',
  '',
  '## Heap, bytes',
  '',
  row(['', 'a breaker', 'a call in flight']),
  row(['---', '---:', '---:']),
  ...names.map((name) => row([name, bytes[name]?.perBreaker?.toFixed(0) ?? '–', bytes[name]?.perCallInFlight.toFixed(0) ?? '–'])),
  '',
  '## Replay',
  '',
  `${Math.round(replay.perSecond).toLocaleString('en')} outcomes a second from a journal file, ${replay.differences} differences.`,
  '',
].join('\n')
mkdirSync(RESULTS, { recursive: true })
writeFileSync(new URL('hot-path.json', RESULTS), `${JSON.stringify({ ...context, nanoseconds, bytes, replay }, undefined, 2)}\n`)
writeFileSync(new URL('hot-path.md', RESULTS), markdown)
console.log(markdown)
process.exit()

function timeCell(situation: string, name: string): string {
  const times = nanoseconds[situation] ?? {}
  const time = times[name]
  const ours = times[OURS]
  if (time === undefined || ours === undefined) return '–'
  const base = situation === 'rejection' ? 0 : (times['bare call'] ?? 0)
  return name === 'bare call' ? time.toFixed(0) : `${time.toFixed(0)} (${((time - base) / (ours - base)).toFixed(2)})`
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`
}
