/**
 * SIEVE (Zhang et al., NSDI '24, https://junchengyang.com/publication/nsdi24-SIEVE.pdf), bounded in bytes.
 *
 * One queue in order of insertion and one bit for each entry, set by a hit. To make room a hand moves from the
 * oldest towards the newest: it clears the bits it finds and evicts the first entry without one, then stays where
 * it is. A hit moves nothing, so it costs one lookup and two stores, and entries that are asked for once leave soon.
 *
 * With a sketch of frequencies it also decides what comes in (TinyLFU's idea): a key that was asked for less often than
 * the entry it would drive out is not kept. Hits are counted in their entries and misses in the sketch, so that a hit
 * computes no hash.
 */
import type { FrequencySketch } from './frequency-sketch.ts'

interface Node<V> {
  readonly key: string
  value: V
  bytes: number
  visited: boolean
  /** Since it came, halved with the counts of the sketch. */
  hits: number
  hitsAge: number
  newer: Node<V> | undefined
  older: Node<V> | undefined
}

/** As far as the sketch counts. */
const hitsMax = 255

export class SieveCache<V> {
  readonly #bytesMax: number
  readonly #sketch: FrequencySketch | undefined
  readonly #nodes = new Map<string, Node<V>>()
  #newest: Node<V> | undefined
  #oldest: Node<V> | undefined
  #hand: Node<V> | undefined
  #bytes = 0
  #evictions = 0

  constructor(bytesMax: number, sketch?: FrequencySketch) {
    this.#bytesMax = bytesMax
    this.#sketch = sketch
  }

  get size(): number {
    return this.#nodes.size
  }

  get bytes(): number {
    return this.#bytes
  }

  get evictions(): number {
    return this.#evictions
  }

  /** Marks the entry as asked for. */
  get(key: string): V | undefined {
    const node = this.#nodes.get(key)
    if (node === undefined) return undefined
    node.visited = true
    if (node.hits < hitsMax) node.hits += 1
    return node.value
  }

  /** Looks without marking. */
  peek(key: string): V | undefined {
    return this.#nodes.get(key)?.value
  }

  /** Inserts or replaces. A value that is larger than the whole cache is not kept, nor one that is not admitted. */
  set(key: string, value: V, bytes: number): void {
    const known = this.#nodes.get(key)
    if (bytes > this.#bytesMax) {
      if (known !== undefined) this.#remove(known)
      return
    }
    if (known !== undefined) {
      this.#bytes += bytes - known.bytes
      known.value = value
      known.bytes = bytes
      this.#evictDownTo(this.#bytesMax, known)
      return
    }
    this.#sketch?.add(key, 1)
    if (this.#bytes > this.#bytesMax - bytes && !this.#isAdmitted(key)) return
    this.#evictDownTo(this.#bytesMax - bytes, undefined)
    const hitsAge = this.#sketch?.age ?? 0
    const node: Node<V> = {
      key,
      value,
      bytes,
      visited: false,
      hits: 0,
      hitsAge,
      newer: undefined,
      older: this.#newest,
    }
    if (this.#newest !== undefined) this.#newest.newer = node
    this.#newest = node
    this.#oldest ??= node
    this.#nodes.set(key, node)
    this.#bytes += bytes
  }

  delete(key: string): boolean {
    const node = this.#nodes.get(key)
    if (node === undefined) return false
    this.#remove(node)
    return true
  }

  /** Whether the key was asked for at least as often as the entry that would go first. */
  #isAdmitted(key: string): boolean {
    const sketch = this.#sketch
    const candidate = this.#nextToGo(undefined)
    if (sketch === undefined || candidate === undefined) return true
    if (sketch.countOf(key) >= sketch.countOf(candidate.key) + this.#hitsOf(candidate)) return true
    // The next one to come is compared with another; and nobody lives for ever on what it was asked for long ago.
    candidate.hits -= candidate.hits >> 2
    this.#hand = candidate.newer
    return false
  }

  #hitsOf(node: Node<V>): number {
    const age = this.#sketch?.age ?? 0
    node.hits >>= Math.min(31, age - node.hitsAge)
    node.hitsAge = age
    return node.hits
  }

  /** `kept` just got its value and is spared: evicting it would make a replacement a deletion. */
  #evictDownTo(bytesMax: number, kept: Node<V> | undefined): void {
    while (this.#bytes > bytesMax) {
      const candidate = this.#nextToGo(kept)
      if (candidate === undefined) return
      this.#hand = candidate.newer
      this.#remove(candidate)
      this.#evictions += 1
      this.#sketch?.add(candidate.key, this.#hitsOf(candidate))
    }
  }

  /** Moves the hand to the first entry without a bit. Two rounds at most: the first clears every bit. */
  #nextToGo(kept: Node<V> | undefined): Node<V> | undefined {
    let candidate = this.#hand ?? this.#oldest
    while (candidate !== undefined && (candidate.visited || candidate === kept)) {
      candidate.visited = false
      candidate = candidate.newer ?? this.#oldest
    }
    this.#hand = candidate
    return candidate
  }

  #remove(node: Node<V>): void {
    if (this.#hand === node) this.#hand = node.newer
    if (node.newer === undefined) this.#newest = node.older
    else node.newer.older = node.older
    if (node.older === undefined) this.#oldest = node.newer
    else node.older.newer = node.newer
    this.#nodes.delete(node.key)
    this.#bytes -= node.bytes
  }
}
