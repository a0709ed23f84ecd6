// Turns what zod found wrong with a configuration into a ConfigError that a person can act on: where, what stands there,
// what is allowed, and which key was probably meant. Never shows a secret, nor a key's value where the key is unknown.
import type { z } from 'zod'
import { describeValue } from './describeValue.ts'
import { ConfigError } from './errors.ts'
import { alternatives, inWords, keysOf, nodesAt, type SchemaNode, schemaNode } from './schemaNode.ts'
import { suggest } from './suggest.ts'

/** One thing that is wrong. */
export interface ConfigProblem {
  readonly path: string
  /** Undefined for secrets, for what is missing, for unknown keys, and for objects and lists (they may hold secrets). */
  readonly value: unknown
  readonly allowed: string
  /** The whole story, path first. */
  readonly text: string
}

/** Where the value at a dotted path came from (a file, an environment variable), as far as it is known. */
export type SourceOf = (path: string) => string | undefined

/** No key of any configuration lies deeper. */
const DEEPEST = 8
/** Thousands of problems are no clearer than a few, and explaining them takes time. */
const EXPLAINED = 100
const LISTED = 20
/** What zod says where a check says nothing. */
const UNEXPLAINED = 'Invalid input'

/** Everything that is wrong with `input` by `schema`, in the order of the input. */
export function problemsOf(schema: z.ZodType, input: unknown): ConfigProblem[] {
  const forged = forgedKeys(input)
  const result = forged.length === 0 ? schema.safeParse(input) : undefined
  if (result?.success) return []
  const root = schemaNode(schema)
  const issues: readonly Issue[] =
    result === undefined
      ? forged.map((path) => ({ code: 'unrecognized_keys', path: path.slice(0, -1), key: '__proto__' }))
      : leaves(result.error.issues, [])
  const problems = issues.slice(0, EXPLAINED).map((issue) => explain(root, input, issue))
  return [...new Map(problems.map((problem) => [problem.path, problem])).values()]
}

/** A problem with the value at `path` that no schema can see. `meant`: values that may have been, beside those of the schema. */
export function problemAt(
  root: SchemaNode,
  input: unknown,
  path: readonly PropertyKey[],
  allowed?: string,
  meant: readonly string[] = [],
): ConfigProblem {
  const nodes = nodesAt(root, path, input)
  const hidden = nodes.some((node) => node.secret === true)
  const { found, value } = valueAt(input, path)
  const words = allowed ?? (inWords(nodes) || 'nothing')
  const got = !found || value === undefined ? 'missing' : `got ${hidden ? 'a value that is not shown' : describeValue(value)}`
  const where = dotted(path)
  const nearest = typeof value === 'string' && !hidden ? suggest(value, [...nodes.flatMap(options), ...meant]) : undefined
  const hint = nearest === undefined ? '' : `; did you mean ${JSON.stringify(nearest)}?`
  return {
    path: where,
    value: hidden || isContainer(value) ? undefined : value,
    allowed: words,
    text: `${where || 'the configuration'}: ${got}; allowed: ${words}${hint}`,
  }
}

/** An error that tells all problems, and whose fields tell the first. */
export function configError(problems: readonly [ConfigProblem, ...ConfigProblem[]], source?: string | SourceOf): ConfigError {
  const sourceOf = typeof source === 'function' ? source : () => source
  const lines = problems.map((problem) => {
    const from = sourceOf(problem.path)
    return from === undefined ? problem.text : `${from}: ${problem.text}`
  })
  const count = lines.length > LISTED ? `more than ${LISTED}` : lines.length
  const [first] = problems
  const message =
    lines.length === 1 ? lines[0] : [`${count} problems in the configuration`, ...lines.slice(0, LISTED)].join('\n  - ')
  return new ConfigError(first.path, first.value, first.allowed, message)
}

interface Issue {
  readonly code: string
  readonly path: readonly PropertyKey[]
  /** The unknown key. */
  readonly key?: string
  readonly allowed?: string
}

/** The issues that say something: of a union, those of the alternative that was meant. */
function leaves(issues: readonly z.core.$ZodIssue[], base: readonly PropertyKey[]): Issue[] {
  return issues.flatMap((issue): Issue[] => {
    const path = [...base, ...issue.path]
    if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => ({ code: issue.code, path, key }))
    // How values go together no type can say.
    if (issue.code === 'custom' && issue.message !== UNEXPLAINED) return [{ code: issue.code, path, allowed: issue.message }]
    if (issue.code !== 'invalid_union') return [{ code: issue.code, path }]
    const meant = issue.errors.find((branch) => branch.length > 0 && branch.every(isInside))
    return meant === undefined ? [{ code: issue.code, path }] : leaves(meant, path)
  })
}

function isInside(issue: z.core.$ZodIssue): boolean {
  return issue.path.length > 0 || issue.code === 'unrecognized_keys'
}

function explain(root: SchemaNode, input: unknown, issue: Issue): ConfigProblem {
  if (issue.key !== undefined) return unknownKey(root, input, issue.path, issue.key)
  if (issue.code === 'invalid_key') return badName(root, issue.path)
  return problemAt(root, input, issue.path, issue.allowed)
}

function unknownKey(root: SchemaNode, input: unknown, path: readonly PropertyKey[], key: string): ConfigProblem {
  const nodes = nodesAt(root, path, input)
  const keys = keysOf(nodes)
  const nearest = suggest(key, keys) ?? elsewhere(nodes, keys, key)
  const allowed = keys.length > 0 ? `the keys ${keys.join(', ')}` : inWords(nodes)
  const where = dotted([...path, key])
  const hint = nearest === undefined ? '' : `; did you mean ${nearest}?`
  return { path: where, value: undefined, allowed, text: `${where}: unknown key${hint}; allowed: ${allowed}` }
}

/** A key that exists, but one level further in: `failureRate` is meant to be `trip.failureRate`. */
function elsewhere(nodes: readonly SchemaNode[], keys: readonly string[], key: string): string | undefined {
  for (const parent of keys) {
    const inner = keysOf(nodes.flatMap((node) => nodesAt(node, [parent])))
    if (inner.includes(key)) return `${parent}.${key}`
  }
  return undefined
}

function badName(root: SchemaNode, path: readonly PropertyKey[]): ConfigProblem {
  const where = dotted(path)
  const name = shorten(String(path.at(-1)), 64)
  const allowed = nodesAt(root, path.slice(0, -1))
    .map((node) => node.names ?? '')
    .join(', or ')
  return { path: where, value: name, allowed, text: `${where}: got the name ${JSON.stringify(name)}; allowed: ${allowed}` }
}

/** Paths of keys named `__proto__`, which zod passes over in silence. */
function forgedKeys(input: unknown): PropertyKey[][] {
  const found: PropertyKey[][] = []
  const seen = new Set<unknown>()
  const visit = (value: unknown, path: PropertyKey[]): void => {
    if (!isContainer(value) || seen.has(value) || path.length > DEEPEST) return
    seen.add(value)
    for (const key of Object.keys(value)) {
      if (key === '__proto__') found.push([...path, key])
      else visit(value[key], [...path, key])
    }
  }
  visit(input, [])
  return found
}

function valueAt(input: unknown, path: readonly PropertyKey[]): { found: boolean; value: unknown } {
  let value = input
  for (const key of path) {
    if (!isContainer(value) || !Object.hasOwn(value, key)) return { found: false, value: undefined }
    value = value[key]
  }
  return { found: true, value }
}

function options(node: SchemaNode): string[] {
  return alternatives(node).flatMap((part) => [...(part.enum ?? []), part.const].filter((value) => typeof value === 'string'))
}

function isContainer(value: unknown): value is Record<PropertyKey, unknown> {
  return typeof value === 'object' && value !== null
}

function dotted(path: readonly PropertyKey[]): string {
  return path
    .map((key) => (/^[\w-]+$/.test(String(key)) ? shorten(String(key), 64) : JSON.stringify(shorten(String(key), 64))))
    .join('.')
}

function shorten(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 3)}...` : text
}
