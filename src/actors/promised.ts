// Tells promises from plain values, for the ways of running a protected function.

/** The value as a promise if it is one, or anything with a `then` (which may be a function, and may throw when looked at). */
export function promised<T>(value: T | PromiseLike<T>): Promise<T> | undefined {
  if (value instanceof Promise) return value as Promise<T>
  return isThenable(value) ? Promise.resolve(value) : undefined
}

function isThenable(value: unknown): boolean {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false
  return 'then' in value && typeof value.then === 'function'
}
