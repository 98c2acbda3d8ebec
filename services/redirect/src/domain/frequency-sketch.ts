/**
 * How often keys were asked for of late, in a fixed number of bytes and by estimate: a count-min sketch with conservative
 * update and ageing, as TinyLFU uses it (Einziger, Friedman, Manes, https://arxiv.org/abs/1512.00727). It never says
 * too little, but for what ageing took.
 */
const rows = 3
const countMax = 255

export class FrequencySketch {
  readonly #counts: Uint8Array
  readonly #mask: number
  readonly #additionsPerAge: number
  #additions = 0
  #age = 0

  /** All counts are halved after `additionsPerAge` additions, so that what was popular is forgotten. */
  constructor(options: { readonly counters: number; readonly additionsPerAge: number }) {
    const size = 2 ** Math.ceil(Math.log2(Math.max(64, options.counters)))
    this.#counts = new Uint8Array(size)
    this.#mask = size - 1
    this.#additionsPerAge = options.additionsPerAge
  }

  /** How often counts were halved so far. */
  get age(): number {
    return this.#age
  }

  get bytes(): number {
    return this.#counts.length
  }

  /** Of the key that has this hash; of 32 bits, well mixed. */
  countOf(hash: number): number {
    return this.#least(hash)
  }

  /** Adds to the key's count, up to 255. */
  add(hash: number, times: number): void {
    const count = Math.min(countMax, this.#least(hash) + times)
    for (let row = 0; row < rows; row += 1) {
      const place = this.#place(hash, row)
      if ((this.#counts[place] as number) < count) this.#counts[place] = count
    }
    this.#additions += 1
    if (this.#additions >= this.#additionsPerAge) this.#halve()
  }

  #least(hash: number): number {
    let least = countMax
    for (let row = 0; row < rows; row += 1) {
      least = Math.min(least, this.#counts[this.#place(hash, row)] as number)
    }
    return least
  }

  /** One hash gives a place in each row: MurmurHash3's mixer over it and the row. */
  #place(hash: number, row: number): number {
    let mixed = Math.imul(hash ^ Math.imul(row + 1, 0x9e3779b9), 0x85ebca6b)
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
    return (mixed ^ (mixed >>> 16)) & this.#mask
  }

  #halve(): void {
    this.#additions = 0
    this.#age += 1
    for (let place = 0; place < this.#counts.length; place += 1) {
      this.#counts[place] = (this.#counts[place] as number) >> 1
    }
  }
}

/** A sketch for a cache of so many entries: wide enough to tell its keys apart, and as forgetful as it is large. */
export function sketchFor(entriesMax: number): FrequencySketch {
  return new FrequencySketch({ counters: 16 * entriesMax, additionsPerAge: 32 * entriesMax })
}
