/**
 * Chance that can be had again, from the tests' own seed on. mulberry32, by Tommy Ettinger, in the public domain: good
 * enough to choose victims.
 */
import { testSeed } from './seed.ts'

export function seededRandom(seed = testSeed): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
