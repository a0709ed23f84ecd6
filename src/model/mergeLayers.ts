// Lays one plain value over another, as configurations are laid over one another and changes over a running policy.

/**
 * `over` laid over `base`: objects are merged key by key, anything else is replaced, `undefined` changes nothing. An object
 * that names another `type` than the one it meets replaces it whole (a count window does not keep a time window's seconds).
 */
export function mergeLayers(base: unknown, over: unknown): unknown {
  if (over === undefined) return base
  if (!isPlain(base) || !isPlain(over) || (over.type !== undefined && over.type !== base.type)) return over
  const merged = { ...base }
  for (const key of Object.keys(over)) {
    const value = mergeLayers(Object.hasOwn(base, key) ? base[key] : undefined, over[key])
    // Defined, not assigned: a key named __proto__ must stay a key, to be refused later, and not become a prototype.
    Object.defineProperty(merged, key, { value, enumerable: true, configurable: true, writable: true })
  }
  return merged
}

export function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
