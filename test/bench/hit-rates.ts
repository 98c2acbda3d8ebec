/**
 * How many requests a cache of a given size answers, on generated traces: SIEVE with an admission as redirect has it,
 * SIEVE alone, LRU, and what
 * could be had. All entries are of one size, so that a bound in bytes is one in entries. Pure.
 */
import { sketchFor } from '../../services/redirect/src/domain/frequency-sketch.ts'
import { entryBytes, indexBytes, SieveCache } from '../../services/redirect/src/domain/sieve-cache.ts'
import { createRandom, createZipf } from './zipf.ts'

/** Keys in the order in which they are asked for. */
export type Trace = Uint32Array

export interface TraceOptions {
  readonly requests: number
  readonly keys: number
  readonly exponent: number
  readonly seed: number
}

/** Popularity does not change. */
export function stationaryTrace({ requests, keys, exponent, seed }: TraceOptions): Trace {
  const zipf = createZipf(keys, exponent, createRandom(seed))
  return Uint32Array.from({ length: requests }, () => zipf.draw())
}

/** Now and then somebody asks for many keys in a row, each once: a crawler, or who guesses codes. */
export function withScans(
  trace: Trace,
  options: { everyRequests: number; scanKeys: number; firstKey: number },
): Trace {
  const { everyRequests, scanKeys, firstKey } = options
  const scans = Math.floor(trace.length / everyRequests)
  const mixed = new Uint32Array(trace.length + scans * scanKeys)
  let next = firstKey
  let at = 0
  for (const [index, key] of trace.entries()) {
    if (index > 0 && index % everyRequests === 0) {
      for (let scanned = 0; scanned < scanKeys && at < mixed.length; scanned += 1) mixed[at++] = next++
    }
    mixed[at++] = key
  }
  return mixed.subarray(0, at)
}

/** Links come and go: every so often the ranks move on by some, so that what was asked for most is forgotten. */
export function churningTrace(options: TraceOptions & { everyRequests: number; movedRanks: number }): Trace {
  const trace = stationaryTrace(options)
  return trace.map((rank, index) => rank + Math.floor(index / options.everyRequests) * options.movedRanks)
}

/** Says of each key whether it was there, and keeps it. */
export type Ask = (key: number) => boolean

/** Redirect's own cache. */
export function ours(entriesMax: number): Ask {
  return askOf(new SieveCache({ bytesMax: bytesFor(entriesMax), sketch: sketchFor(entriesMax) }))
}

/** The same without its admission. */
export function sieve(entriesMax: number): Ask {
  return askOf(new SieveCache({ bytesMax: bytesFor(entriesMax) }))
}

const nothing = new Uint8Array(0)

/** A number and nothing else takes one block, whatever the number. */
function bytesFor(entries: number): number {
  const bytes = entries * entryBytes(1, 0)
  // The larger of both bounds has the larger index, at most twice as many buckets.
  return bytes + indexBytes(bytes + indexBytes(2 * bytes))
}

function askOf(cache: SieveCache): Ask {
  return (key) => {
    const name = String(key)
    if (cache.get(name) !== 0) return true
    cache.set(name, nothing)
    return false
  }
}

export function lru(entriesMax: number): Ask {
  // A Map keeps the order of insertion, so what is inserted anew at each hit stands in the order of use.
  const used = new Map<number, true>()
  return (key) => {
    const isHit = used.delete(key)
    used.set(key, true)
    if (used.size > entriesMax) {
      const [oldest] = used.keys()
      if (oldest !== undefined) used.delete(oldest)
    }
    return isHit
  }
}

/** Holds from the start, and for good, the keys of the lowest ranks: no cache knows them, none does better for long. */
export function staticOptimum(entriesMax: number): Ask {
  return (key) => key < entriesMax
}

/** The share of hits after the first `warmUp` requests, in percent. */
export function hitPercent(ask: Ask, trace: Trace, warmUp: number): number {
  let hits = 0
  for (const [index, key] of trace.entries()) {
    const isHit = ask(key)
    if (isHit && index >= warmUp) hits += 1
  }
  return (100 * hits) / (trace.length - warmUp)
}
