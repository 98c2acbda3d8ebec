import { isPortFree } from '@linkfleet/local/ports'

// Every port of a fleet with two instances of each service, as a distance from its port base.
const distances = [
  0, 1, 2, 3, 20, 21, 22, 23, 1_001, 1_002, 1_004, 1_010, 1_021, 1_022, 1_024, 1_100, 1_101, 1_102, 1_103,
  1_104, 1_120, 1_121, 1_122, 1_123, 1_124, 7_352, 7_353, 7_354, 8_299, 11_012, 11_013, 11_014, 11_015,
  11_016, 11_017,
]

/** Exported for its test. */
export const baseRange = { lowest: 10_000, step: 200, count: 20 }
export const highestDistance = Math.max(...distances)

/**
 * A `--port-base` whose ports are all free, the highest below those of `freePortBlock`, or an engine
 * of another test could take one between this look and the start. Another process may still take one: the start then says so.
 */
export async function freePortBase(): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const base = baseRange.lowest + Math.floor(Math.random() * baseRange.count) * baseRange.step
    const free = await Promise.all(distances.map((distance) => isPortFree(base + distance)))
    if (free.every(Boolean)) return base
  }
  throw new Error('No free block of ports was found in 50 attempts.')
}
