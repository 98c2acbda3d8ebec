/**
 * Chance that can be had again: prints its seed, and takes it from LINKFLEET_SEED. mulberry32, by Tommy Ettinger, in the
 * public domain: good enough to choose victims.
 */
export function seededRandom(what: string): () => number {
  const given = Number(process.env.LINKFLEET_SEED)
  const seed = Number.isInteger(given) && given > 0 ? given : Math.floor(Math.random() * 2 ** 31)
  console.log(`${what}: LINKFLEET_SEED=${seed}`)
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
