// Names of a process's start, and of the process itself where nobody named it: unlike all others by chance.
import { hostname } from 'node:os'
import { freshSeed, seededRandom } from '../../model/random.ts'

/** Eleven letters and digits: one in 10^17. */
export function newSession(): string {
  const [a, b] = [seededRandom(freshSeed()), seededRandom(freshSeed())]
  return [a, b, a, b]
    .map((random) =>
      Math.floor(random.next() * 46_656)
        .toString(36)
        .padStart(3, '0'),
    )
    .join('')
    .slice(0, 11)
}

/** A name for a process of this machine: what may be in a name of the machine's, and chance. */
export function newNode(): string {
  const host = hostname()
    .replaceAll(/[^A-Za-z0-9_-]/g, '-')
    .slice(0, 50)
  return `${host}-${newSession().slice(0, 6)}`
}
