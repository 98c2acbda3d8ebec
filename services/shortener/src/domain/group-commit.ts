/**
 * Group commit: items that arrive while a transaction is under way share the next one, so that the cost of a commit
 * is divided by the load. Items that claim the same key may share a group, but are never in two groups at the same
 * time: they would wait for each other in the database, and their neighbours with them.
 */
export interface GroupCommitOptions<Item, Result> {
  /**
   * Runs a group in one transaction: one result for each item, in order. Throws when nothing was committed, or nobody
   * knows, for a reason that all items share.
   */
  readonly run: (items: readonly Item[]) => Promise<readonly Result[]>
  /** What an item claims: `run` sees to it that of those who claim the same, one gets it. */
  readonly keysOf: (item: Item) => readonly string[]
  readonly groupItemsMax: number
  readonly groupsInFlightMax: number
}

export interface Submission<Result> {
  readonly result: Promise<Result>
  /** Takes the item back. False when its transaction has begun: then the outcome is open. */
  abandon(): boolean
}

interface Entry<Item, Result> {
  readonly item: Item
  readonly keys: readonly string[]
  readonly settled: PromiseWithResolvers<Result>
}

export class GroupCommit<Item, Result> {
  readonly #options: GroupCommitOptions<Item, Result>
  readonly #busyKeys = new Set<string>()
  #waiting: Entry<Item, Result>[] = []
  #groupsInFlight = 0
  #itemsInFlight = 0

  constructor(options: GroupCommitOptions<Item, Result>) {
    this.#options = options
  }

  /** Items that wait for a transaction. */
  get waiting(): number {
    return this.#waiting.length
  }

  /** Whether anything waits or is under way. */
  get isBusy(): boolean {
    return this.#groupsInFlight > 0 || this.#waiting.length > 0
  }

  submit(item: Item): Submission<Result> {
    const entry = { item, keys: this.#options.keysOf(item), settled: Promise.withResolvers<Result>() }
    this.#waiting.push(entry)
    this.#startGroups()
    return {
      result: entry.settled.promise,
      abandon: () => {
        const index = this.#waiting.indexOf(entry)
        if (index >= 0) this.#waiting.splice(index, 1)
        return index >= 0
      },
    }
  }

  #startGroups(): void {
    while (this.#mayStart()) {
      const group = this.#takeGroup()
      if (group.length === 0) return
      this.#groupsInFlight++
      this.#itemsInFlight += group.length
      this.#runGroup(group).finally(() => {
        for (const key of group.flatMap((entry) => entry.keys)) this.#busyKeys.delete(key)
        this.#groupsInFlight--
        this.#itemsInFlight -= group.length
        this.#startGroups()
      })
    }
  }

  /**
   * A group starts beside others when as many items wait as are under way. One that started with the first item to
   * come would be small just when there is much to do, and each group has its price.
   */
  #mayStart(): boolean {
    if (this.#groupsInFlight === 0) return true
    const isWorthIt = this.#waiting.length >= Math.min(this.#itemsInFlight, this.#options.groupItemsMax)
    return isWorthIt && this.#groupsInFlight < this.#options.groupsInFlightMax
  }

  #takeGroup(): Entry<Item, Result>[] {
    const group: Entry<Item, Result>[] = []
    const left: Entry<Item, Result>[] = []
    const busyElsewhere = new Set(this.#busyKeys)
    for (const entry of this.#waiting) {
      const full = group.length === this.#options.groupItemsMax
      if (full || entry.keys.some((key) => busyElsewhere.has(key))) {
        left.push(entry)
        continue
      }
      for (const key of entry.keys) this.#busyKeys.add(key)
      group.push(entry)
    }
    this.#waiting = left
    return group
  }

  /** Settles every entry of the group; never throws. */
  async #runGroup(group: readonly Entry<Item, Result>[]): Promise<void> {
    try {
      const results = await this.#options.run(group.map((entry) => entry.item))
      for (const [index, entry] of group.entries()) entry.settled.resolve(results[index] as Result)
    } catch (error) {
      for (const entry of group) entry.settled.reject(error)
    }
  }
}
