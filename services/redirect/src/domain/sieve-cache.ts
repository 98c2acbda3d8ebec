/**
 * SIEVE (Zhang et al., NSDI '24, https://junchengyang.com/publication/nsdi24-SIEVE.pdf), bounded in bytes.
 *
 * One queue in order of insertion and one bit for each entry, set by a hit. To make room a hand moves from the
 * oldest towards the newest: it clears the bits it finds and evicts the first entry without one, then stays where
 * it is. A hit moves nothing, so it costs one lookup and one store, and entries that are asked for once leave soon.
 */
interface Node<V> {
  readonly key: string
  value: V
  bytes: number
  visited: boolean
  newer: Node<V> | undefined
  older: Node<V> | undefined
}

export class SieveCache<V> {
  readonly #bytesMax: number
  readonly #nodes = new Map<string, Node<V>>()
  #newest: Node<V> | undefined
  #oldest: Node<V> | undefined
  #hand: Node<V> | undefined
  #bytes = 0
  #evictions = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
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
    return node.value
  }

  /** Looks without marking. */
  peek(key: string): V | undefined {
    return this.#nodes.get(key)?.value
  }

  /** Inserts or replaces. A value that is larger than the whole cache is not kept. */
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
    this.#evictDownTo(this.#bytesMax - bytes, undefined)
    const node: Node<V> = { key, value, bytes, visited: false, newer: undefined, older: this.#newest }
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

  /** `kept` just got its value and is spared: evicting it would make a replacement a deletion. */
  #evictDownTo(bytesMax: number, kept: Node<V> | undefined): void {
    while (this.#bytes > bytesMax) {
      let candidate = this.#hand ?? this.#oldest
      // Two rounds at most: the first clears every bit.
      while (candidate !== undefined && (candidate.visited || candidate === kept)) {
        candidate.visited = false
        candidate = candidate.newer ?? this.#oldest
      }
      if (candidate === undefined) return
      this.#hand = candidate.newer
      this.#remove(candidate)
      this.#evictions += 1
    }
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
