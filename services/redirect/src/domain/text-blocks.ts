/**
 * Short texts and bytes in blocks of one size, outside of V8's heap: the collector never looks at them, a block costs
 * what it says, and any block that is freed serves whatever comes next. An entry is a chain of blocks: its key, then
 * its value. Memory that was never written costs nothing yet: the kernel gives zeroed pages at their first use.
 */

export const blockBytes = 48
const linkBytes = 4
const contentBytes = blockBytes - linkBytes
const wordsPerBlock = blockBytes / 4

/** How many blocks a key and a value of these lengths take together. */
export function blocksFor(keyBytes: number, valueBytes: number): number {
  return Math.ceil((keyBytes + valueBytes) / contentBytes)
}

export class TextBlocks {
  readonly #bytes: Uint8Array
  /** The first word of a block is the number of the next one of its chain; 0 ends it. There is no block 0. */
  readonly #words: Uint32Array
  readonly #countMax: number
  #free = 0
  #touched = 0
  #count = 0

  constructor(countMax: number) {
    const memory = new ArrayBuffer((countMax + 1) * blockBytes)
    this.#bytes = new Uint8Array(memory)
    this.#words = new Uint32Array(memory)
    this.#countMax = countMax
  }

  /** Blocks in use. */
  get count(): number {
    return this.#count
  }

  /** Writes a chain and gives back its first block. `key` has characters of one byte only. The caller has seen to the room. */
  write(key: string, value: Uint8Array, valueBytes: number): number {
    const first = this.#take()
    const bytes = this.#bytes
    let block = first
    let at = block * blockBytes + linkBytes
    let end = at + contentBytes
    const length = key.length + valueBytes
    for (let index = 0; index < length; index += 1) {
      if (at === end) {
        const next = this.#take()
        this.#words[block * wordsPerBlock] = next
        block = next
        at = block * blockBytes + linkBytes
        end = at + contentBytes
      }
      bytes[at++] = index < key.length ? key.charCodeAt(index) : (value[index - key.length] as number)
    }
    return first
  }

  /** Whether the chain begins with this key. */
  hasKey(first: number, key: string): boolean {
    const bytes = this.#bytes
    let block = first
    let at = block * blockBytes + linkBytes
    let end = at + contentBytes
    for (let index = 0; index < key.length; index += 1) {
      if (at === end) {
        block = this.#words[block * wordsPerBlock] as number
        at = block * blockBytes + linkBytes
        end = at + contentBytes
      }
      if (bytes[at++] !== key.charCodeAt(index)) return false
    }
    return true
  }

  /** Copies the value of a chain to the beginning of `target`. */
  readValue(first: number, keyBytes: number, valueBytes: number, target: Uint8Array): void {
    const bytes = this.#bytes
    let block = first
    let skipped = keyBytes
    for (; skipped >= contentBytes; skipped -= contentBytes)
      block = this.#words[block * wordsPerBlock] as number
    let at = block * blockBytes + linkBytes + skipped
    let end = at - skipped + contentBytes
    for (let index = 0; index < valueBytes; index += 1) {
      if (at === end) {
        block = this.#words[block * wordsPerBlock] as number
        at = block * blockBytes + linkBytes
        end = at + contentBytes
      }
      target[index] = bytes[at++] as number
    }
  }

  free(first: number): void {
    for (let block = first; block !== 0; ) {
      const next = this.#words[block * wordsPerBlock] as number
      this.#words[block * wordsPerBlock] = this.#free
      this.#free = block
      this.#count -= 1
      block = next
    }
  }

  #take(): number {
    let block = this.#free
    if (block !== 0) this.#free = this.#words[block * wordsPerBlock] as number
    else {
      if (this.#touched === this.#countMax) throw new RangeError('no block is left')
      this.#touched += 1
      block = this.#touched
    }
    this.#words[block * wordsPerBlock] = 0
    this.#count += 1
    return block
  }
}
