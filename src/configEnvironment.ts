// Reads a configuration from environment variables: two underscores go one level down, single ones make camelCase, so
// SWITCHGEAR_SERVICES__SEARCH__RECOVERY_TIMEOUT=30000 is services.search.recoveryTimeout.
import { configSchema } from './model/config.ts'
import { ConfigError } from './model/errors.ts'
import { mergeConfig } from './model/mergeConfig.ts'
import { alternatives, keysOf, nodesAt, type SchemaNode, schemaNode } from './model/schemaNode.ts'
import { suggest } from './model/suggest.ts'

export type Environment = Readonly<Record<string, string | undefined>>

export const CONFIG_FILE_VARIABLE = 'SWITCHGEAR_CONFIG'
const PREFIX = 'SWITCHGEAR_'

/** Kubernetes and Docker links set these by themselves for a neighbour called `switchgear` or `switchgear-…`. */
const SET_BY_PLATFORMS =
  /^SWITCHGEAR(?:_(?!.*__)[A-Z0-9_]+)?_(?:SERVICE_HOST|SERVICE_PORT(?:_[A-Z0-9_]+)?|PORT(?:_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)?)$/

/** What the environment configures, and which variable set what. */
export interface ConfigFromEnvironment {
  /** A configuration, not yet checked, without what the environment leaves alone. */
  readonly config: unknown
  /** The variable of each dotted path. */
  readonly variables: ReadonlyMap<string, string>
}

/**
 * Collects the SWITCHGEAR_ variables of `environment`; empty ones count as not set. `known` are the services that other
 * layers name: a variable means the one that differs only in case and in `-` for `_`; else it names a new service, in lower
 * case with `-` for `_`. Throws a ConfigError for a variable that configures nothing; values are not checked.
 */
export function configFromEnvironment(environment: Environment, known: readonly string[]): ConfigFromEnvironment {
  const root = schemaNode(configSchema)
  const variables = new Map<string, string>()
  const names = new Set(known)
  let config: unknown = {}
  for (const [variable, levels, text] of assignments(environment)) {
    const path = pathOf(variable, levels, root, names)
    const value = readValue(variable, text, nodesAt(root, path))
    config = mergeConfig(
      config,
      path.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value),
    )
    variables.set(path.join('.'), variable)
    for (const name of namesIn(path, value)) names.add(name)
  }
  return { config, variables }
}

/** Shallow ones first, so that a single key wins over an object that holds it; then by name, so that order never matters. */
function assignments(environment: Environment): (readonly [string, readonly string[], string])[] {
  return Object.entries(environment)
    .flatMap(([variable, text]) => {
      const ours = variable.startsWith(PREFIX) && variable !== CONFIG_FILE_VARIABLE && !SET_BY_PLATFORMS.test(variable)
      return ours && text ? [[variable, variable.slice(PREFIX.length).split('__'), text] as const] : []
    })
    .sort(([a, levelsA], [b, levelsB]) => levelsA.length - levelsB.length || (a < b ? -1 : 1))
}

function pathOf(variable: string, levels: readonly string[], root: SchemaNode, names: ReadonlySet<string>): string[] {
  const [first = '', ...rest] = levels
  const top = camelCase(first)
  const tops = keysOf([root])
  if (!tops.includes(top) || levels.includes('')) throw unknownVariable(variable, first, tops)
  if (top !== 'services' && top !== 'routes') return [top, ...rest.map(camelCase)]
  const [name, ...keys] = rest
  if (name === undefined) return [top]
  if (keys.length > 1 && camelCase(keys[0] ?? '') === 'prices') throw priceByItself(variable, levels)
  return [top, meantName(variable, name, names), ...keys.map(camelCase)]
}

/** Names of models have dots and dashes, which no variable can spell. */
function priceByItself(variable: string, levels: readonly string[]): ConfigError {
  const whole = PREFIX + levels.slice(0, 3).join('__')
  const allowed = `all prices of a service as JSON, in ${whole}`
  return new ConfigError(variable, undefined, allowed, `${variable}: the name of a model cannot be told; allowed: ${allowed}`)
}

function meantName(variable: string, level: string, names: ReadonlySet<string>): string {
  const plain = level.toLowerCase().replaceAll('_', '-')
  const meant = [...names].filter((name) => name.toLowerCase().replaceAll('_', '-') === plain)
  if (meant.length > 1) {
    throw new ConfigError(variable, undefined, 'a name that means one', `${variable}: could mean ${meant.join(' or ')}`)
  }
  return meant[0] ?? plain
}

/** JSON where it is JSON and such a value can stand there; else the text itself. */
function readValue(variable: string, text: string, nodes: readonly SchemaNode[]): unknown {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    if (!/^\s*[{[]/.test(text)) return text
    throw new ConfigError(variable, undefined, 'JSON, or a plain value', `${variable}: begins like JSON and is not JSON`)
  }
  const types = nodes.flatMap(alternatives).map((node) => (node.type === 'integer' ? 'number' : node.type))
  const type = Array.isArray(value) ? 'array' : typeof value
  return types.includes('string') && !types.includes(type) ? text : value
}

function namesIn(path: readonly string[], value: unknown): readonly string[] {
  if (path[0] !== 'services' && path[0] !== 'routes') return []
  if (path[1] !== undefined) return [path[1]]
  return typeof value === 'object' && value !== null ? Object.keys(value) : []
}

function camelCase(level: string): string {
  return level.toLowerCase().replace(/_+([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
}

function unknownVariable(variable: string, first: string, tops: readonly string[]): ConfigError {
  const known = ['CONFIG', ...tops.map((top) => top.toUpperCase())]
  const nearest = suggest(first.split('_')[0] ?? '', known)
  const allowed = `${known.map((name) => PREFIX + name).join(', ')}, and keys below them after two underscores each`
  const hint = nearest === undefined ? '' : `; did you mean ${PREFIX}${nearest}?`
  return new ConfigError(variable, undefined, allowed, `${variable}: unknown variable${hint}; allowed: ${allowed}`)
}
