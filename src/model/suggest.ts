// "Did you mean ...?": the known word nearest to a misspelt one, used wherever a name that nobody knows is refused.

/** The candidate that `word` most likely meant, or undefined when none is near. Case, `_` and `-` do not count. */
export function suggest(word: string, candidates: Iterable<string>): string | undefined {
  const wanted = normalise(word)
  if (wanted.length === 0 || wanted.length > 64) return undefined
  let best: string | undefined
  // A third of the letters may be wrong; more than that is another word.
  let bestDistance = Math.floor(wanted.length / 3) + 1
  for (const candidate of candidates) {
    const distance = editDistance(wanted, normalise(candidate))
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

/**
 * Letters inserted, left out, replaced, or swapped with their neighbour, to get from `a` to `b` (Damerau 1964, in the form
 * that edits no substring twice). Takes time in proportion to `a.length * b.length`.
 */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = at(last, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1)
      let least = Math.min(at(last, j) + 1, at(row, j - 1) + 1, replaced)
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      if (swapped) least = Math.min(least, at(beforeLast, j - 2) + 1)
      row.push(least)
    }
    beforeLast = last
    last = row
  }
  return at(last, b.length)
}

function at(row: readonly number[], index: number): number {
  return row[index]!
}

function normalise(word: string): string {
  return word.toLowerCase().replace(/[_-]/g, '')
}
