// Documentation that does not compile, or does not run, is a bug like any other. Every `ts` block of README.md and docs/ is
// compiled strictly against the built package, as its users' compilers see it, and run against an upstream on loopback; one
// marked `no-run` is only compiled. `url` is the address of that upstream. Commands in `sh` blocks must exist.
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import ts from 'typescript'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { blocksOf, codeBlocks, ROOT } from './codeBlocks.ts'

const run = promisify(execFile)
const blocks = codeBlocks()
const examples = blocks.filter(({ language }) => language === 'ts')
const names = new Map(examples.map((block) => [block, block.place.replace(/[^A-Za-z0-9]+/g, '_')]))

/** Packages that examples import, besides our own. */
const NEIGHBOURS = ['rxjs', 'xstate', 'openai', 'vitest', '@types']

let home: string
let problems: Map<string, string>
let failures: Map<string, string | undefined>

beforeAll(async () => {
  if (!existsSync(join(ROOT, 'dist/index.d.ts'))) throw new Error('there is no dist/: run `npm run build` first')
  home = realpathSync(mkdtempSync(join(tmpdir(), 'switchgear-docs-')))
  mkdirSync(join(home, 'node_modules'))
  symlinkSync(ROOT, join(home, 'node_modules/switchgear'))
  for (const name of NEIGHBOURS) symlinkSync(join(ROOT, 'node_modules', name), join(home, 'node_modules', name))
  problems = compile(home)
  failures = await runAll(home)
}, 60_000)

afterAll(() => rmSync(home, { recursive: true, force: true }))

describe('an example in the documentation', () => {
  test.each(examples.map((block) => [block.place, block] as const))('%s compiles', (_, block) => {
    expect(problems.get(nameOf(block))).toBeUndefined()
  })

  test.each(examples.filter(runs).map((block) => [block.place, block] as const))('%s runs', (_, block) => {
    expect(failures.has(nameOf(block))).toBe(true)
    expect(failures.get(nameOf(block))).toBeUndefined()
  })

  test('is marked with nothing but no-run', () => {
    expect(examples.flatMap(({ marks }) => marks).filter((mark) => mark !== 'no-run')).toEqual([])
  })

  test('can be told from the text around it', () => {
    const lines = ['a', '```ts no-run', 'const a = 1', '````', 'b', '```', 'c']
    expect(blocksOf(lines.slice(0, 5).join('\n'), 'a.md')).toEqual([
      { place: 'a.md:2', language: 'ts', marks: ['no-run'], code: 'const a = 1' },
    ])
    expect(() => blocksOf(lines.join('\n'), 'a.md')).toThrow('a.md:6: this code block is never closed')
  })
})

describe('a command in the documentation', () => {
  const commands = blocks.filter(({ language }) => language === 'sh').flatMap(({ place, code }) => commandsOf(place, code))
  const { scripts }: { scripts: Record<string, string> } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  let help: Promise<{ stdout: string }> | undefined
  const isThere = (name: string): boolean => ['ci', 'install'].includes(name) || name in scripts

  test.each(commands.filter(([, tool]) => tool === 'npm'))('%s: %s %s is a script of the package', (_, __, name) => {
    expect(name).toSatisfy(isThere)
  })

  test.each(commands.filter(([, tool]) => tool === 'switchgear'))('%s: %s %s is a command', async (_, __, name) => {
    help ??= run(process.execPath, [join(ROOT, 'dist/cli/main.js'), '--help'])
    expect((await help).stdout).toMatch(new RegExp(`^ +${name}\\b`, 'm'))
  })
})

function nameOf(block: (typeof examples)[number]): string {
  return names.get(block) ?? ''
}

function runs({ marks }: (typeof examples)[number]): boolean {
  return !marks.includes('no-run')
}

/** Compiles every example into `directory`; returns what the compiler says, by name. */
function compile(directory: string): Map<string, string> {
  writeFileSync(join(directory, 'preamble.d.ts'), 'declare const url: string\n')
  for (const block of examples) {
    // A block without imports is a module all the same.
    writeFileSync(join(directory, `${nameOf(block)}.mts`), `${block.code}\nexport {}\n`)
  }
  const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), ts.sys.readFile)
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, directory)
  const files = [...names.values()].map((name) => join(directory, `${name}.mts`))
  const program = ts.createProgram([join(directory, 'preamble.d.ts'), ...files], { ...options, noEmit: false })
  const found = new Map<string, string>()
  for (const { file, start = 0, messageText } of ts.getPreEmitDiagnostics(program)) {
    const name = file ? file.fileName.slice(directory.length + 1).replace(/\.mts$/, '') : 'all'
    const line = file ? file.getLineAndCharacterOfPosition(start).line + 1 : 0
    found.set(name, `${found.get(name) ?? ''}line ${line}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}\n`)
  }
  program.emit()
  return found
}

/** Runs the compiled examples in one process; returns what each threw. */
async function runAll(directory: string): Promise<Map<string, string | undefined>> {
  const files = examples.filter(runs).map((block) => join(directory, `${nameOf(block)}.mjs`))
  const env = { ...process.env, NODE_ENV: 'test' }
  const { stdout } = await run(process.execPath, [join(ROOT, 'test/docs/runBlocks.mjs'), ...files], { cwd: directory, env })
  const lines = stdout.trim().split('\n').filter(Boolean)
  return new Map(
    lines.map((line) => {
      const { file, error }: { file: string; error?: string } = JSON.parse(line)
      return [file.slice(directory.length + 1).replace(/\.mjs$/, ''), error]
    }),
  )
}

/** `npm ci && npm test` → [place, npm, ci], [place, npm, test]; `npx switchgear demo` → [place, switchgear, demo]. */
function commandsOf(place: string, code: string): [place: string, tool: string, name: string][] {
  const found: [string, string, string][] = []
  for (const command of code.split(/\n|&&|\||;/)) {
    const words = command.replace(/#.*/, '').trim().split(/\s+/)
    const [first = '', second = '', third = ''] = words[0] === 'npx' ? words.slice(1) : words
    if (first === 'npm') found.push([place, first, second === 'run' ? third : second])
    else if (first === 'switchgear') found.push([place, first, second])
  }
  return found
}
