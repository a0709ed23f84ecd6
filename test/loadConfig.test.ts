// Configuration from files and the environment: what is read, what wins, and what is refused.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseConfigText } from '../src/configFile.ts'
import { type LoadConfigOptions, loadConfig } from '../src/loadConfig.ts'
import { parseConfig } from '../src/model/config.ts'
import { ConfigError } from '../src/model/errors.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'switchgear-config-'))
})
afterAll(() => rm(folder, { recursive: true }))

let files = 0
async function file(content: string | Uint8Array, extension = 'yaml'): Promise<string> {
  const name = join(folder, `config${files++}.${extension}`)
  await writeFile(name, content)
  return name
}

async function refusal(options: LoadConfigOptions): Promise<ConfigError> {
  const error: unknown = await loadConfig({ env: {}, ...options }).then(
    () => new Error('nothing was refused'),
    (thrown) => thrown,
  )
  if (error instanceof ConfigError) return error
  throw error
}

const YAML = `
services:
  search:
    kind: http
    recoveryTimeout: 30000
    trip: { consecutiveFailures: 4 }
  OpenAI_east: { kind: openai }
journal: ./search.jsonl
seed: 12
`

describe('a file', () => {
  test.each(['yaml', 'yml', 'YAML'])('can be YAML (.%s)', async (extension) => {
    const config = await loadConfig({ file: await file(YAML, extension), env: {} })
    expect(config).toEqual({
      services: {
        search: { kind: 'http', recoveryTimeout: 30_000, trip: { consecutiveFailures: 4 } },
        OpenAI_east: { kind: 'openai' },
      },
      journal: { file: './search.jsonl' },
      seed: 12,
    })
    expect(parseConfig(config).seed).toBe(12)
  })

  test('can be JSON, with a byte order mark', async () => {
    expect(await loadConfig({ file: await file('\ufeff{"services":{"a":{}}}', 'json'), env: {} })).toEqual({
      services: { a: {} },
    })
  })

  test('can be empty, or say nothing of services', async () => {
    expect(await loadConfig({ file: await file(''), env: {} })).toEqual({ services: {} })
    expect(await loadConfig({ file: await file('seed: 1'), env: {} })).toEqual({ services: {}, seed: 1 })
  })

  test('can share settings by anchor and merge key', async () => {
    const text = 'services:\n  a: &common { kind: http, timeout: 5 }\n  b: { <<: *common, timeout: 6 }\n'
    expect(await loadConfig({ file: await file(text), env: {} })).toEqual({
      services: { a: { kind: 'http', timeout: 5 }, b: { kind: 'http', timeout: 6 } },
    })
  })

  test('is named by SWITCHGEAR_CONFIG, unless the program names another', async () => {
    const [one, two] = [await file('seed: 1'), await file('seed: 2')]
    expect((await loadConfig({ env: { SWITCHGEAR_CONFIG: one } })).seed).toBe(1)
    expect((await loadConfig({ file: two, env: { SWITCHGEAR_CONFIG: one } })).seed).toBe(2)
  })

  test('is not needed', async () => {
    expect(await loadConfig({ env: {} })).toEqual({ services: {} })
  })

  test('with an unknown key is named in the refusal', async () => {
    const name = await file('services:\n  search: { recoveryTimout: 5 }\n')
    const error = await refusal({ file: name })
    expect(error.path).toBe('services.search.recoveryTimout')
    expect(error.message).toContain(`${name}: services.search.recoveryTimout: unknown key; did you mean recoveryTimeout?`)
  })
})

describe('a file that cannot be parsed is told by line and column, and not quoted', () => {
  test.each([
    ['json', '{\n  "journal": { "key": "hunter2" "file": 1 }\n}', 2, 33],
    ['json', '{"key": "hunter2"', 1, 18],
    ['json', '{"a": [1, 2,]}', 1, 13],
    ['json', '{a: 1}', 1, 2],
    ['json', "\n\n{'hunter2': 1}", 3, 2],
    ['json', '', 1, 1],
    ['json', '[1] 2', 1, 5],
    ['json', '{"a" 1}', 1, 6],
    ['json', '{"a": "x\ny"}', 1, 7],
    ['json', '[01]', 1, 3],
    ['json', '{"a": 1,}', 1, 9],
    ['json', '}', 1, 1],
    ['json', '[}', 1, 2],
    ['yaml', 'services:\n  a: {}\n  a: {}\nkey: hunter2', 3, 3],
    ['yaml', 'a: 1\n b: hunter2\n', 1, 4],
    ['yaml', 'a: "hunter2', 1, 12],
    ['yaml', 'a: [hunter2', 1, 12],
    ['yaml', 'a: !secret hunter2', 1, 4],
  ])('%s %j at %i:%i', async (extension, text, line, column) => {
    const name = await file(text, extension)
    const error = await refusal({ file: name })
    expect(error.message).toMatch(
      new RegExp(`^${name.replaceAll('.', '\\.')}:${line}:${column}: this is not ${extension.toUpperCase()}: `),
    )
    expect(inspect(error)).not.toContain('hunter2')
  })

  test('where JSON.parse and our own eyes agree on what is JSON', async () => {
    const { jsonErrorOffset } = await import('../src/model/jsonPosition.ts')
    const spoiled = fc.tuple(
      fc.json(),
      fc.nat(),
      fc.constantFrom('', ',', '}', ']', '"', ':', '1', '-', 'e', ' ', '\\', '\n', 'true'),
    )
    fc.assert(
      fc.property(spoiled, ([json, place, insert]) => {
        const at = place % (json.length + 1)
        const text = json.slice(0, at) + insert + json.slice(at + (place % 2))
        let valid = true
        try {
          JSON.parse(text)
        } catch {
          valid = false
        }
        const offset = jsonErrorOffset(text)
        if (valid) expect(offset).toBe(text.length)
        expect(offset).toBeLessThanOrEqual(text.length)
        // Whatever came before the offset is not to blame: an error is never told where the text was still whole.
        if (offset < text.length) expect(valid).toBe(false)
      }),
      { numRuns: 500 },
    )
  }, 30_000)
})

describe('a file that is not fit is refused', () => {
  const bomb = ['a: &a [x,x,x,x,x,x,x,x,x]']
  for (const [from, to] of ['ab', 'bc', 'cd', 'de', 'ef', 'fg', 'gh']) bomb.push(`${to}: &${to} [${Array(9).fill(`*${from}`)}]`)

  test.each<[string, string | Uint8Array, string]>([
    ['too large', ' '.repeat(1_048_577), 'at most 1048576 bytes'],
    ['not UTF-8', new Uint8Array([0x61, 0x3a, 0xff]), 'text in UTF-8'],
    ['a bomb of aliases', bomb.join('\n'), 'few aliases'],
    ['nested without end', '['.repeat(20_000), 'YAML'],
    ['an alias to nothing', 'seed: *nobody', 'YAML'],
    ['two documents', 'seed: 1\n---\nseed: 2', 'YAML'],
    ['a list', '- 1', 'an object with keys services'],
    ['a forged prototype', 'services: { __proto__: { timeout: 5 } }', 'an object of services'],
  ])('%s', async (_, content, allowed) => {
    const error = await refusal({ file: await file(content) })
    expect(error.allowed).toContain(allowed)
  })

  test('when it is missing, a folder, or of an unknown kind', async () => {
    const missing = join(folder, 'missing.yaml')
    expect(await refusal({ file: missing })).toMatchObject({ value: missing, message: expect.stringContaining('ENOENT') })
    expect((await refusal({ file: await file('', 'toml') })).allowed).toBe('a file ending in .json, .yaml or .yml')
    await mkdir(join(folder, 'folder.yaml'))
    expect((await refusal({ file: join(folder, 'folder.yaml') })).allowed).toContain('a file that can be read')
  })

  test('whatever it holds, by a ConfigError or not at all', () => {
    const pieces = [
      'services',
      ':',
      ' ',
      '\n',
      '- ',
      '{',
      '}',
      '[',
      ']',
      '&a',
      '*a',
      '!!',
      '"',
      "'",
      '|',
      '>',
      '<<',
      '?',
      '#',
      '%',
      'x',
    ]
    const made = fc.array(fc.constantFrom(...pieces), { maxLength: 30 }).map((chosen) => chosen.join(''))
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: 'binary', maxLength: 12 }), made),
        fc.constantFrom('a.json', 'a.yaml'),
        (text, name) => {
          try {
            parseConfigText(name, text)
          } catch (error) {
            expect(error).toBeInstanceOf(ConfigError)
          }
        },
      ),
      { numRuns: 300 },
    )
  }, 30_000)
})

describe('the environment', () => {
  const load = async (env: Record<string, string>, options: LoadConfigOptions = {}) => loadConfig({ ...options, env })

  test('goes a level down at two underscores and makes camelCase of single ones', async () => {
    const config = await load({
      PATH: '/bin',
      SWITCHGEAR_SERVICES__SEARCH__KIND: 'http',
      SWITCHGEAR_SERVICES__SEARCH__RECOVERY_TIMEOUT: '30000',
      SWITCHGEAR_SERVICES__SEARCH__TRIP__SLOW_CALL_RATE__SLOWER_THAN_MS: '1500',
      SWITCHGEAR_SERVICES__SEARCH__TRIP__FAILURE_RATE: 'false',
      SWITCHGEAR_SERVICES__SEARCH__DEGRADE__P95_RATIO: '4',
      SWITCHGEAR_SERVICES__SEARCH__WINDOW: '{"type": "count", "size": 50}',
      SWITCHGEAR_SEED: '7',
    })
    expect(config).toEqual({
      services: {
        search: {
          kind: 'http',
          recoveryTimeout: 30_000,
          trip: { slowCallRate: { slowerThanMs: 1500 }, failureRate: false },
          degrade: { p95Ratio: 4 },
          window: { type: 'count', size: 50 },
        },
      },
      seed: 7,
    })
  })

  test('wins over the file and yields to the program', async () => {
    const name = await file('services: { search: { timeout: 1, maxProbes: 1, maxKeys: 1 } }')
    const env = { SWITCHGEAR_SERVICES__SEARCH__TIMEOUT: '2', SWITCHGEAR_SERVICES__SEARCH__MAX_PROBES: '2' }
    const config = await load(env, { file: name, config: { services: { search: { timeout: 3 } } } })
    expect(config.services.search).toEqual({ timeout: 3, maxProbes: 2, maxKeys: 1 })
  })

  test('means the service that differs only in case and dashes, wherever it is named', async () => {
    const name = await file(YAML)
    const env = { SWITCHGEAR_SERVICES__OPENAI_EAST__TIMEOUT: '5', SWITCHGEAR_SERVICES__MY_JOBS__TIMEOUT: '6' }
    const config = await load(env, { file: name, config: { services: { My_jobs: {} } } })
    expect(config.services).toMatchObject({ OpenAI_east: { kind: 'openai', timeout: 5 }, My_jobs: { timeout: 6 } })
    expect(Object.keys(config.services)).toHaveLength(3)
  })

  test('names a new service in lower case with dashes', async () => {
    expect(await load({ SWITCHGEAR_SERVICES__OPENAI_WEST__KIND: 'openai' })).toEqual({
      services: { 'openai-west': { kind: 'openai' } },
    })
  })

  test('refuses to guess between two services', async () => {
    const config = { services: { 'my-jobs': {}, my_jobs: {} } }
    const error = await refusal({ env: { SWITCHGEAR_SERVICES__MY_JOBS__TIMEOUT: '5' }, config })
    expect(error.message).toContain('my-jobs or my_jobs')
  })

  test('lets a single key win over an object that holds it, in whatever order they are set', async () => {
    const one = { SWITCHGEAR_SERVICES__A__TIMEOUT: '5' }
    const all = { SWITCHGEAR_SERVICES: '{"a": {"timeout": 1, "maxKeys": 2}}' }
    const expected = { services: { a: { timeout: 5, maxKeys: 2 } } }
    expect(await load({ ...one, ...all })).toEqual(expected)
    expect(await load({ ...all, ...one })).toEqual(expected)
  })

  test.each([
    ['./a.jsonl', { file: './a.jsonl' }],
    ['123', { file: '123' }],
    ['false', false],
    ['{"file": "a", "keep": 2}', { file: 'a', keep: 2 }],
  ])('takes %s for a journal', async (text, journal) => {
    expect((await load({ SWITCHGEAR_JOURNAL: text })).journal).toEqual(journal)
  })

  test('keeps a key of digits a text, and the key of a journal whose file it moves', async () => {
    const digits = '12'.repeat(32)
    const config = await load({ SWITCHGEAR_JOURNAL__KEY: digits, SWITCHGEAR_JOURNAL: './b.jsonl' })
    expect(config.journal).toEqual({ file: './b.jsonl', key: digits })
  })

  test('counts what is empty as not set', async () => {
    expect(await load({ SWITCHGEAR_SEED: '', SWITCHGEAR_CONFIG: '', SWITCHGEAR_JOURNAL: '' })).toEqual({ services: {} })
  })

  test('is that of the process unless another is given', async () => {
    process.env.SWITCHGEAR_SEED = '99'
    try {
      expect((await loadConfig()).seed).toBe(99)
    } finally {
      delete process.env.SWITCHGEAR_SEED
    }
  })

  test.each([
    ['SWITCHGEAR_JURNAL', 'did you mean SWITCHGEAR_JOURNAL?'],
    ['SWITCHGEAR_SERVICE__SEARCH__KIND', 'did you mean SWITCHGEAR_SERVICES?'],
    ['SWITCHGEAR_SERVICES_SEARCH_KIND', 'did you mean SWITCHGEAR_SERVICES?'],
    ['SWITCHGEAR_BANANA', 'unknown variable; allowed: SWITCHGEAR_CONFIG, SWITCHGEAR_SERVICES'],
    ['SWITCHGEAR_', 'unknown variable'],
    ['SWITCHGEAR_SERVICES____KIND', 'unknown variable'],
  ])('refuses %s', async (variable, message) => {
    const error = await refusal({ env: { [variable]: 'hunter2' } })
    expect(error.path).toBe(variable)
    expect(error.message).toContain(message)
    expect(inspect(error)).not.toContain('hunter2')
  })

  test.each([
    ['SWITCHGEAR_SERVICES__SEARCH__RECOVERY_TIMOUT', '5', 'services.search.recoveryTimout', 'did you mean recoveryTimeout?'],
    ['SWITCHGEAR_SERVICES__SEARCH__TIMEOUT', '30s', 'services.search.timeout', 'got "30s"'],
    ['SWITCHGEAR_SERVICES__SEARCH__PORT', '5', 'services.search.port', 'unknown key'],
    ['SWITCHGEAR_SERVICES__CONSTRUCTOR__TIMEOUT', '5', 'services.constructor', 'got the name "constructor"'],
    ['SWITCHGEAR_SERVICES', '{"a": {"__proto__": {}}}', 'services.a.__proto__', 'unknown key'],
    ['SWITCHGEAR_SERVICES', '5', 'services', 'got 5'],
    ['SWITCHGEAR_SERVICES__SEARCH__KIND', '[1]', 'services.search.kind', 'got'],
    ['SWITCHGEAR_SERVICES__SEARCH__WINDOW', '[1]', 'services.search.window', 'got'],
    ['SWITCHGEAR_SEED', 'abc', 'seed', 'got "abc"'],
    ['SWITCHGEAR_SEED', 'null', 'seed', 'got null'],
    ['SWITCHGEAR_JOURNAL__KEY', 'hunter2', 'journal.file', 'missing'],
    ['SWITCHGEAR_JOURNAL', '{"key": "hunter2"', 'SWITCHGEAR_JOURNAL', 'begins like JSON and is not JSON'],
  ])('is named in the refusal of what %s=%s sets', async (variable, text, path, message) => {
    const error = await refusal({ env: { [variable]: text } })
    expect(error.path).toBe(path)
    expect(error.message).toContain(`${variable}: `)
    expect(error.message).toContain(message)
    expect(inspect(error)).not.toContain('hunter2')
  })

  test.each([
    'SWITCHGEAR_SERVICE_HOST',
    'SWITCHGEAR_SERVICE_PORT',
    'SWITCHGEAR_SERVICE_PORT_HTTP',
    'SWITCHGEAR_PORT',
    'SWITCHGEAR_PORT_8080_TCP',
    'SWITCHGEAR_PORT_8080_TCP_ADDR',
    'SWITCHGEAR_DASHBOARD_SERVICE_HOST',
    'SWITCHGEAR_DASHBOARD_PORT_80_TCP_PROTO',
  ])('passes over %s, which Kubernetes sets', async (variable) => {
    expect(await load({ [variable]: 'tcp://10.0.0.1:80' })).toEqual({ services: {} })
  })
})

test('what the program sets is checked, too', async () => {
  const config = JSON.parse('{"services": {"a": {"timeot": 5}}}')
  expect((await refusal({ config })).message).toMatch(/^services\.a\.timeot: unknown key; did you mean timeout\?/)
})

describe('variables of routes and prices', () => {
  test('mean the route that another layer names', async () => {
    const config = { services: { east: {} }, routes: { 'my-llm': { backends: [{ service: 'east' }] } } }
    const env = { SWITCHGEAR_ROUTES__MY_LLM__STRATEGY: 'cheapest', SWITCHGEAR_BUDGETS__DAILY: '5' }
    expect(await loadConfig({ config, env })).toEqual({
      services: { east: {} },
      routes: { 'my-llm': { strategy: 'cheapest', backends: [{ service: 'east' }] } },
      budgets: { daily: 5 },
    })
  })

  test('give prices whole, as no variable can spell the name of a model', async () => {
    const prices = { 'gpt-4o': { input: 1 } }
    const env = { SWITCHGEAR_SERVICES__OPENAI__PRICES: JSON.stringify(prices) }
    expect(await loadConfig({ env })).toEqual({ services: { openai: { prices } } })
    const single = { SWITCHGEAR_SERVICES__OPENAI__PRICES__GPT_4O__INPUT: '1' }
    await expect(loadConfig({ env: single })).rejects.toThrow('as JSON, in SWITCHGEAR_SERVICES__OPENAI__PRICES')
  })
})
