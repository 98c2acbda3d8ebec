/** Gathers what is asked for within a short time into one call, since a statement or RPC for many costs like one. */

export interface BatchOptions<Item, Answer> {
  readonly itemsMax: number
  /** How long the first of a batch waits for others; 0 is until the end of this turn of the event loop. */
  readonly lingerMs: number
  /** One answer for each item, in order. It must bound its own time. */
  readonly run: (items: readonly Item[]) => Promise<readonly Answer[]>
}

interface Waiting<Item, Answer> {
  readonly item: Item
  readonly resolve: (answer: Answer) => void
  readonly reject: (cause: unknown) => void
}

/** The function it gives back rejects with whatever `run` rejected with. */
export function createBatch<Item, Answer>(options: BatchOptions<Item, Answer>) {
  let waiting: Waiting<Item, Answer>[] = []

  async function flush(batch: Waiting<Item, Answer>[]): Promise<void> {
    try {
      const answers = await options.run(batch.map(({ item }) => item))
      batch.forEach(({ resolve }, index) => {
        resolve(answers[index]!)
      })
    } catch (cause) {
      for (const { reject } of batch) reject(cause)
    }
  }

  function take(): void {
    const batch = waiting
    waiting = []
    if (batch.length > 0) void flush(batch)
  }

  return function ask(item: Item): Promise<Answer> {
    return new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject })
      if (waiting.length >= options.itemsMax) take()
      else if (waiting.length === 1) {
        if (options.lingerMs === 0) setImmediate(take)
        else setTimeout(take, options.lingerMs)
      }
    })
  }
}
