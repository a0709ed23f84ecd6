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

/** The nodes that a path leads to; several where it passes a union. */
export function nodesAt(root: SchemaNode, path: readonly PropertyKey[]): readonly SchemaNode[] {
  return path.reduce<readonly SchemaNode[]>(
    (nodes, key) => nodes.flatMap((node) => alternatives(node).flatMap((part) => child(part, key))),
    [root],
  )
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
    typeof key === 'number' ? node.prefixItems?.[key] : Object.hasOwn(node.properties ?? {}, key) && node.properties?.[key]
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
  return 'a text'
}

function range(node: SchemaNode): string {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = node
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
