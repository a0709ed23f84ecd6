// Reads a configuration file, JSON or YAML. A file is untrusted: its size is bounded, aliases cannot blow it up, and what is
// wrong with it is told by line and column without quoting it, as it may hold a secret.
import { open } from 'node:fs/promises'
import { extname } from 'node:path'
import { parseDocument } from 'yaml'
import { ConfigError } from './model/errors.ts'
import { jsonErrorOffset, lineAndColumn } from './model/jsonPosition.ts'

const MAX_BYTES = 1_048_576

/** The value a file holds; an empty YAML file holds `{}`. Throws a ConfigError. */
export async function readConfigFile(file: string): Promise<unknown> {
  return parserOf(file)(file, decode(file, await readBounded(file)))
}

/** The value that `text`, the content of `file`, stands for. Throws a ConfigError. */
export function parseConfigText(file: string, text: string): unknown {
  return parserOf(file)(file, text)
}

type Parser = (file: string, text: string) => unknown

function parserOf(file: string): Parser {
  const parser = PARSERS[extname(file).toLowerCase()]
  if (parser === undefined) throw fileError(file, 'a file ending in .json, .yaml or .yml')
  return parser
}

const PARSERS: Readonly<Record<string, Parser>> = {
  '.json': parseJson,
  '.yaml': parseYaml,
  '.yml': parseYaml,
}

async function readBounded(file: string): Promise<Buffer> {
  const handle = await open(file).catch((error: NodeJS.ErrnoException) => {
    throw fileError(file, 'a file that can be read', error.code)
  })
  try {
    if (!(await handle.stat()).isFile()) throw fileError(file, 'a file that can be read', 'it is no regular file')
    const buffer = Buffer.alloc(MAX_BYTES + 1)
    let length = 0
    for (;;) {
      const { bytesRead } = await handle.read(buffer, length, buffer.length - length)
      length += bytesRead
      if (length > MAX_BYTES) throw fileError(file, `a file of at most ${MAX_BYTES} bytes`, 'it is larger')
      if (bytesRead === 0) return buffer.subarray(0, length)
    }
  } finally {
    await handle.close()
  }
}

function decode(file: string, bytes: Buffer): string {
  try {
    // Takes a byte order mark off, too.
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw fileError(file, 'text in UTF-8')
  }
}

function parseJson(file: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    const offset = jsonErrorOffset(text)
    throw syntaxError(file, 'JSON', text, offset, offset === text.length ? 'the text ends too early' : 'not expected here')
  }
}

function parseYaml(file: string, text: string): unknown {
  try {
    const document = parseDocument(text, { prettyErrors: false, merge: true })
    const wrong = document.errors[0] ?? document.warnings[0]
    if (wrong === undefined) return document.toJS({ maxAliasCount: 100 }) ?? {}
    throw syntaxError(file, 'YAML', text, wrong.pos[0], wrong.code.toLowerCase().replaceAll('_', ' '))
  } catch (error) {
    if (error instanceof ConfigError) throw error
    // What the parser throws instead of noting it: aliases that multiply, nesting without end, an alias to nothing.
    throw fileError(file, 'YAML with few aliases and little nesting', 'it has too many or too much, or an alias to nothing')
  }
}

function syntaxError(file: string, format: string, text: string, offset: number, problem: string): ConfigError {
  const { line, column } = lineAndColumn(text, offset)
  return new ConfigError('', undefined, format, `${file}:${line}:${column}: this is not ${format}: ${problem}`)
}

function fileError(file: string, allowed: string, problem = 'it is not'): ConfigError {
  return new ConfigError('', file, allowed, `the configuration file ${file}: allowed: ${allowed} (${problem})`)
}
