// Draws of the distributions that made-up traffic is made of.
import type { Random } from '../../src/model/random.ts'

export function uniform(random: Random, from: number, to: number): number {
  return from + (to - from) * random.next()
}

/** Evenly over the orders of magnitude between two positive numbers. */
export function logUniform(random: Random, from: number, to: number): number {
  return from * (to / from) ** random.next()
}

/** A whole number between two, both included. */
export function whole(random: Random, from: number, to: number): number {
  return from + Math.floor(random.next() * (to - from + 1))
}

export function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next())
}

export function poisson(random: Random, mean: number): number {
  if (mean > 30) return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal(random)))
  const floor = Math.exp(-mean)
  let count = 0
  for (let product = random.next(); product > floor; product *= random.next()) count++
  return count
}

export function binomial(random: Random, n: number, p: number): number {
  if (p <= 0 || n === 0) return 0
  if (n > 20 && n * p < 5) return Math.min(n, poisson(random, n * p))
  let count = 0
  for (let i = 0; i < n; i++) if (random.next() < p) count++
  return count
}

export function pick<T>(random: Random, from: readonly T[]): T {
  return from[Math.floor(random.next() * from.length)]!
}

/** `count` different ones, in random order. */
export function some<T>(random: Random, from: readonly T[], count: number): T[] {
  const left = [...from]
  const taken: T[] = []
  while (taken.length < count && left.length > 0) taken.push(...left.splice(Math.floor(random.next() * left.length), 1))
  return taken
}
