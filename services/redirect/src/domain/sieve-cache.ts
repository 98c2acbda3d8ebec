/**
 * SIEVE (Zhang et al., NSDI '24, https://junchengyang.com/publication/nsdi24-SIEVE.pdf), bounded in bytes.
 *
 * One queue in order of insertion and one bit for each entry, set by a hit. To make room a hand moves from the
 * oldest towards the newest: it clears the bits it finds and evicts the first entry without one, then stays where
 * it is. A hit moves nothing, so it costs one lookup and two stores, and entries that are asked for once leave soon.
 *
 * With a sketch of frequencies it also decides what comes in (TinyLFU's idea): a key that was asked for less often than
 * the entry it would drive out is not kept. Hits are counted in their entries and misses in the sketch, so that a hit
 * touches the sketch not at all.
 *
 * Entries lie outside of V8's heap: keys and values in blocks, the rest in one array for each of its parts, at the
 * entry's place. A cache of objects takes twice the memory, and the collector as much again while it works.
 */
import { isAscii } from './ascii.ts'
import type { FrequencySketch } from './frequency-sketch.ts'
import { hashOfKey } from './hash-of-key.ts'
import { blockBytes, blocksFor, TextBlocks } from './text-blocks.ts'

/** As far as the sketch counts. */
const hitsMax = 255
const keyBytesMax = 255
/** Longer values are not kept. */
export const valueBytesMax = 16_384
/** Of the arrays below, for each place. */
const ownPlaceBytes = 28
const bucketBytes = 4
/** There are about as many buckets as entries of this size. */
const usualBytes = 256

export interface SieveCacheOptions {
  readonly bytesMax: number
  readonly sketch?: FrequencySketch
  /** What the caller keeps in arrays of its own for each place. */
  readonly placeBytes?: number
  /** Unknown to clients, so that nobody can make up keys that share a bucket. */
  readonly seed?: number
}

/** What an entry takes of the bound. */
export function entryBytes(keyBytes: number, valueBytes: number, placeBytes = 0): number {
  return blocksFor(keyBytes, valueBytes) * blockBytes + ownPlaceBytes + placeBytes
}

/** What the index takes of the bound, entries or not. */
export function indexBytes(bytesMax: number): number {
  return bucketBytes * 2 ** Math.floor(Math.log2(Math.max(1, bytesMax / usualBytes)))
}

/** A place is that of an entry until it is evicted, which only `set` and `delete` do; 0 is none. */
export class SieveCache {
  /** Places are at most this. */
  readonly placeMax: number
  readonly #bytesMax: number
  readonly #placeBytes: number
  readonly #sketch: FrequencySketch | undefined
  readonly #seed: number
  readonly #blocks: TextBlocks
  readonly #buckets: Uint32Array
  readonly #hash: Uint32Array
  /** The next place of the same bucket; of a free place, the next free one. */
  readonly #next: Uint32Array
  readonly #newer: Uint32Array
  readonly #older: Uint32Array
  readonly #first: Uint32Array
  readonly #valueBytes: Uint16Array
  readonly #keyBytes: Uint8Array
  readonly #visited: Uint8Array
  /** Since the entry came, halved with the counts of the sketch. */
  readonly #hits: Uint8Array
  /** The age of the sketch at which they were halved last, as far as a byte tells. */
  readonly #hitsAge: Uint8Array
  #newest = 0
  #oldest = 0
  #hand = 0
  #freePlace = 0
  #touched = 0
  #size = 0
  #evictions = 0

  constructor({ bytesMax, sketch, placeBytes = 0, seed = 0 }: SieveCacheOptions) {
    this.#bytesMax = bytesMax
    this.#placeBytes = placeBytes
    this.#sketch = sketch
    this.#seed = seed
    const placeMax = Math.floor(bytesMax / entryBytes(1, 0, placeBytes))
    this.placeMax = placeMax
    this.#blocks = new TextBlocks(Math.floor(bytesMax / blockBytes))
    this.#buckets = new Uint32Array(indexBytes(bytesMax) / bucketBytes)
    const count = placeMax + 1
    this.#hash = new Uint32Array(count)
    this.#next = new Uint32Array(count)
    this.#newer = new Uint32Array(count)
    this.#older = new Uint32Array(count)
    this.#first = new Uint32Array(count)
    this.#valueBytes = new Uint16Array(count)
    this.#keyBytes = new Uint8Array(count)
    this.#visited = new Uint8Array(count)
    this.#hits = new Uint8Array(count)
    this.#hitsAge = new Uint8Array(count)
  }

  get size(): number {
    return this.#size
  }

  get bytes(): number {
    const places = this.#size * (ownPlaceBytes + this.#placeBytes)
    return this.#buckets.byteLength + places + this.#blocks.count * blockBytes
  }

  get evictions(): number {
    return this.#evictions
  }

  /** Marks the entry as asked for. */
  get(key: string): number {
    const place = this.#find(key, hashOfKey(key, this.#seed))
    if (place === 0) return 0
    this.#visited[place] = 1
    const hits = this.#hits[place] as number
    if (hits < hitsMax) this.#hits[place] = hits + 1
    return place
  }

  /** Looks without marking. */
  peek(key: string): number {
    return this.#find(key, hashOfKey(key, this.#seed))
  }

  /** Copies the value to the beginning of `target`, and gives back its length. */
  read(place: number, target: Uint8Array): number {
    const length = this.#valueBytes[place] as number
    this.#blocks.readValue(this.#first[place] as number, this.#keyBytes[place] as number, length, target)
    return length
  }

  /**
   * Inserts or replaces, and gives back the place. A value that is larger than the whole cache is not kept, nor one that is
   * not admitted, nor a key that is no short ASCII.
   */
  set(key: string, value: Uint8Array, valueBytes = value.length): number {
    const hash = hashOfKey(key, this.#seed)
    const known = this.#find(key, hash)
    const bytes = entryBytes(key.length, valueBytes, this.#placeBytes)
    const fits = bytes + this.#buckets.byteLength <= this.#bytesMax
    if (!fits || valueBytes > valueBytesMax || key.length > keyBytesMax || !isAscii(key)) {
      if (known !== 0) this.#remove(known)
      return 0
    }
    if (known !== 0) {
      this.#blocks.free(this.#first[known] as number)
      this.#evictDownTo(this.#bytesMax - blocksFor(key.length, valueBytes) * blockBytes, known)
      this.#write(known, key, value, valueBytes)
      return known
    }
    this.#sketch?.add(hash, 1)
    if (this.bytes > this.#bytesMax - bytes && !this.#isAdmitted(hash)) return 0
    this.#evictDownTo(this.#bytesMax - bytes, 0)
    return this.#insert(key, hash, value, valueBytes)
  }

  delete(key: string): boolean {
    const place = this.peek(key)
    if (place !== 0) this.#remove(place)
    return place !== 0
  }

  #find(key: string, hash: number): number {
    let place = this.#buckets[hash & (this.#buckets.length - 1)] as number
    while (place !== 0) {
      if (
        this.#hash[place] === hash &&
        this.#keyBytes[place] === key.length &&
        this.#blocks.hasKey(this.#first[place] as number, key)
      )
        return place
      place = this.#next[place] as number
    }
    return 0
  }

  #insert(key: string, hash: number, value: Uint8Array, valueBytes: number): number {
    let place = this.#freePlace
    if (place !== 0) this.#freePlace = this.#next[place] as number
    else {
      this.#touched += 1
      place = this.#touched
    }
    this.#hash[place] = hash
    this.#keyBytes[place] = key.length
    this.#visited[place] = 0
    this.#hits[place] = 0
    this.#hitsAge[place] = this.#sketch?.age ?? 0
    this.#write(place, key, value, valueBytes)
    this.#newer[place] = 0
    this.#older[place] = this.#newest
    if (this.#newest !== 0) this.#newer[this.#newest] = place
    this.#newest = place
    if (this.#oldest === 0) this.#oldest = place
    const bucket = hash & (this.#buckets.length - 1)
    this.#next[place] = this.#buckets[bucket] as number
    this.#buckets[bucket] = place
    this.#size += 1
    return place
  }

  #write(place: number, key: string, value: Uint8Array, valueBytes: number): void {
    this.#first[place] = this.#blocks.write(key, value, valueBytes)
    this.#valueBytes[place] = valueBytes
  }

  /** Whether the key was asked for at least as often as the entry that would go first. */
  #isAdmitted(hash: number): boolean {
    const sketch = this.#sketch
    const candidate = this.#nextToGo(0)
    if (sketch === undefined || candidate === 0) return true
    if (sketch.countOf(hash) >= sketch.countOf(this.#hash[candidate] as number) + this.#hitsOf(candidate))
      return true
    // The next one to come is compared with another; and nobody lives for ever on what it was asked for long ago.
    this.#hits[candidate] = (this.#hits[candidate] as number) - ((this.#hits[candidate] as number) >> 2)
    this.#hand = this.#newer[candidate] as number
    return false
  }

  #hitsOf(place: number): number {
    const age = (this.#sketch?.age ?? 0) & 0xff
    const halvings = (age - (this.#hitsAge[place] as number)) & 0xff
    const hits = halvings > 8 ? 0 : (this.#hits[place] as number) >> halvings
    this.#hits[place] = hits
    this.#hitsAge[place] = age
    return hits
  }

  /** `kept` just gets its value and is spared: evicting it would make a replacement a deletion. */
  #evictDownTo(bytesMax: number, kept: number): void {
    while (this.bytes > bytesMax) {
      const candidate = this.#nextToGo(kept)
      if (candidate === 0) return
      this.#hand = this.#newer[candidate] as number
      this.#sketch?.add(this.#hash[candidate] as number, this.#hitsOf(candidate))
      this.#remove(candidate)
      this.#evictions += 1
    }
  }

  /** Moves the hand to the first entry without a bit. Two rounds at most: the first clears every bit. */
  #nextToGo(kept: number): number {
    let candidate = this.#hand === 0 ? this.#oldest : this.#hand
    while (candidate !== 0 && (this.#visited[candidate] === 1 || candidate === kept)) {
      this.#visited[candidate] = 0
      candidate = this.#newer[candidate] === 0 ? this.#oldest : (this.#newer[candidate] as number)
    }
    this.#hand = candidate
    return candidate
  }

  #remove(place: number): void {
    const newer = this.#newer[place] as number
    const older = this.#older[place] as number
    if (this.#hand === place) this.#hand = newer
    if (newer === 0) this.#newest = older
    else this.#older[newer] = older
    if (older === 0) this.#oldest = newer
    else this.#newer[older] = newer
    this.#unlink(place)
    this.#blocks.free(this.#first[place] as number)
    this.#next[place] = this.#freePlace
    this.#freePlace = place
    this.#size -= 1
  }

  #unlink(place: number): void {
    const after = this.#next[place] as number
    const bucket = (this.#hash[place] as number) & (this.#buckets.length - 1)
    let before = this.#buckets[bucket] as number
    if (before === place) {
      this.#buckets[bucket] = after
      return
    }
    while (this.#next[before] !== place) before = this.#next[before] as number
    this.#next[before] = after
  }
}
