// The only door to chance. Everything random in Switchgear is drawn from a seed that the journal keeps, so that a replay
// draws the same numbers.

/** A draw: a value in [0, 1) and the state to draw the next one from. */
export interface Draw {
  readonly value: number
  readonly state: number
}

/**
 * One step of mulberry32 (Tommy Ettinger, public domain): 32 bits of state, passes gjrand, and small enough to live as one
 * number in a machine's context.
 */
export function draw(state: number): Draw {
  const next = (state + 0x6d2b79f5) | 0
  let t = Math.imul(next ^ (next >>> 15), next | 1)
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
  return { value: ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296, state: next }
}

/** A seed for `name` under a common seed, so that services draw independently of the order they were created in. */
export function deriveSeed(seed: number, name: string): number {
  let hash = (seed ^ 0x811c9dc5) | 0
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193)
  return hash | 0
}

/** A source of random numbers in [0, 1). */
export interface Random {
  next(): number
}

export function seededRandom(seed: number): Random {
  let state = seed | 0
  return {
    next() {
      const drawn = draw(state)
      state = drawn.state
      return drawn.value
    },
  }
}

/** A fresh seed for a run that was given none; the journal's header records it. */
export function freshSeed(): number {
  return Math.floor(Math.random() * 4_294_967_296) | 0
}
