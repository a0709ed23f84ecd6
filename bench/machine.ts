// What a result was measured on: written into every file of bench/results.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { cpus, totalmem } from 'node:os'

const require = createRequire(import.meta.url)

export interface Machine {
  readonly processor: string
  readonly cores: number
  readonly memoryGb: number
  readonly node: string
  readonly versions: Readonly<Record<string, string>>
  readonly date: string
}

/** `packages`: those whose versions matter. */
export function machine(packages: readonly string[]): Machine {
  return {
    processor: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    versions: Object.fromEntries(packages.map((name) => [name, versionOf(name)])),
    date: new Date().toISOString().slice(0, 10),
  }
}

function versionOf(name: string): string {
  const paths = require.resolve.paths(name) ?? []
  const file =
    name === 'switchgear'
      ? require.resolve('switchgear/package.json')
      : firstReadable(paths.map((path) => `${path}/${name}/package.json`))
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}

function firstReadable(files: readonly string[]): string {
  for (const file of files) {
    try {
      readFileSync(file)
      return file
    } catch {
      // Not in this node_modules; the next one up may have it.
    }
  }
  throw new Error(`none of ${files.join(', ')} can be read`)
}
