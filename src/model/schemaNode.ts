// Reads a zod schema through its JSON Schema, so that an error message and the documentation say in words what the schema
// allows, and cannot say anything else.
import { z } from 'zod'

/** The part of JSON Schema that our configuration needs, and the notes our schemas carry in `.meta()`. */
export interface SchemaNode {
  readonly type?: string
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly SchemaNode[]
  readonly oneOf?: readonly SchemaNode[]
  readonly properties?: Readonly<Record<string, SchemaNode>>
  readonly required?: readonly string[]
  readonly additionalProperties?: SchemaNode | false
  readonly prefixItems?: readonly SchemaNode[]
  readonly items?: SchemaNode
  readonly minLength?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly exclusiveMinimum?: number
  readonly exclusiveMaximum?: number
  /** The unit of a number. */
  readonly unit?: string
  /** What is allowed, where the schema cannot say it in words. */
  readonly allowed?: string
  /** What the names of a record's entries may be, in words. */
  readonly names?: string
  /** True when the value must never be shown. */
  readonly secret?: boolean
}

const nodes = new WeakMap<z.ZodType, SchemaNode>()

/** The JSON Schema of what `schema` takes in; made once for each schema, as it takes milliseconds. */
export function schemaNode(schema: z.ZodType): SchemaNode {
  const known = nodes.get(schema)
  if (known !== undefined) return known
  const made = z.toJSONSchema(schema, { io: 'input' }) as SchemaNode
  nodes.set(schema, made)
  return made
}

/** The alternatives of a node; a node that is no union is its only one. */
export function alternatives(node: SchemaNode): readonly SchemaNode[] {
  const parts = node.anyOf ?? node.oneOf
  return parts === undefined ? [node] : parts.flatMap(alternatives)
}

/**
 * The nodes that a path leads to; several where it passes a union. Where `input` is told, of a union only those parts count
 * whose mark (the `kind` of a signal, say) it bears.
 */
export function nodesAt(root: SchemaNode, path: readonly PropertyKey[], input?: unknown): readonly SchemaNode[] {
  let nodes = meant(alternatives(root), input)
  let value = input
  for (const key of path) {
    value = typeof value === 'object' && value !== null ? (value as Record<PropertyKey, unknown>)[key] : undefined
    const inner = value
    nodes = nodes.flatMap((node) => child(node, key)).flatMap((node) => meant(alternatives(node), inner))
  }
  return nodes
}

/** Of the parts of a union, those that `value` is marked as; all where it bears no mark. */
function meant(parts: readonly SchemaNode[], value: unknown): readonly SchemaNode[] {
  if (parts.length < 2 || typeof value !== 'object' || value === null) return parts
  const objects = parts.filter(({ type }) => type === 'object')
  const marks = keysOf(objects).filter((key) => objects.every((part) => marksOf(part, key).length > 0))
  const marked = objects.filter((part) =>
    marks.some((key) => marksOf(part, key).includes((value as Record<string, unknown>)[key])),
  )
  return marked.length > 0 ? marked : parts
}

/** The values that `key` has in a part which is told by them. */
function marksOf(part: SchemaNode, key: string): readonly unknown[] {
  const node = part.properties?.[key]
  if (node === undefined) return []
  const options = alternatives(node).map((one) => one.enum ?? (one.const === undefined ? [] : [one.const]))
  return options.every((some) => some.length > 0) ? options.flat() : []
}

/** The keys an object may have at this node. */
export function keysOf(nodes: readonly SchemaNode[]): string[] {
  const keys = nodes.flatMap((node) => alternatives(node).flatMap((part) => Object.keys(part.properties ?? {})))
  return [...new Set(keys)]
}

/** What a node allows, in words. */
export function inWords(nodes: readonly SchemaNode[]): string {
  const parts = nodes.flatMap(alternatives).map(partInWords)
  return [...new Set(parts)].join(', or ')
}

function child(node: SchemaNode, key: PropertyKey): readonly SchemaNode[] {
  if (typeof key === 'symbol') return []
  const own =
    typeof key === 'number'
      ? (node.prefixItems?.[key] ?? node.items)
      : Object.hasOwn(node.properties ?? {}, key) && node.properties?.[key]
  const found = own || node.additionalProperties
  return found ? [found] : []
}

function partInWords(node: SchemaNode): string {
  if (node.allowed !== undefined) return node.allowed
  if (node.const !== undefined) return JSON.stringify(node.const)
  if (node.enum !== undefined) return `one of ${node.enum.map((value) => JSON.stringify(value)).join(', ')}`
  if (node.type === 'boolean') return 'true or false'
  if (node.type === 'integer') return `a whole number ${range(node)}`
  if (node.type === 'number') return `a number ${node.unit === undefined ? '' : `of ${node.unit} `}${range(node)}`
  if (node.type === 'array') return `a list of ${node.prefixItems?.length ?? 'any number of'} entries`
  if (node.type === 'object') return `an object with keys ${keysOf([node]).join(', ')}`
  return (node.minLength ?? 0) > 0 ? 'a text that is not empty' : 'a text'
}

function range(node: SchemaNode): string {
  const { minimum, exclusiveMinimum, exclusiveMaximum } = node
  // What a whole number is bounded by anyway is no bound to tell.
  const maximum = node.maximum === Number.MAX_SAFE_INTEGER ? undefined : node.maximum
  if (minimum !== undefined && maximum !== undefined) return `from ${minimum} to ${maximum}`
  return [
    minimum === undefined ? '' : `of at least ${minimum}`,
    exclusiveMinimum === undefined ? '' : `above ${exclusiveMinimum}`,
    maximum === undefined ? '' : `at most ${maximum}`,
    exclusiveMaximum === undefined ? '' : `below ${exclusiveMaximum}`,
  ]
    .filter((part) => part !== '')
    .join(' and ')
}
