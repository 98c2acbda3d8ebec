/** Zipf's law: what is k-th in rank is drawn with a probability proportional to 1 / k^s. Pure; randomness is given. */

export interface Zipf {
  /** A rank from 0, the most frequent, to count - 1. */
  draw(): number
}

/** By a table of cumulated weights and a binary search: exact, 8 bytes a rank. `random` gives numbers in [0, 1). */
export function createZipf(count: number, exponent: number, random: () => number): Zipf {
  if (count < 1) throw new RangeError('there is nothing to draw from')
  const cumulated = new Float64Array(count)
  let sum = 0
  for (let rank = 0; rank < count; rank++) {
    sum += (rank + 1) ** -exponent
    cumulated[rank] = sum
  }
  return {
    draw() {
      const wanted = random() * sum
      let low = 0
      let high = count - 1
      while (low < high) {
        const middle = (low + high) >>> 1
        if ((cumulated[middle] as number) > wanted) high = middle
        else low = middle + 1
      }
      return low
    },
  }
}

/** Mulberry32 (public domain, Tommy Ettinger): small, fast, and the same numbers for the same seed. */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000
  }
}
