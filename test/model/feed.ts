/** The topic of changed links, and one process's way of reading it. */
import { type DecodedLinkChange, encodeLinkChange } from '@linkfleet/contracts/link-changes'
import { takeBatch } from '../../services/redirect/src/adapters/link-changes-kafka.ts'
import type { PendingChange } from '../../services/shortener/src/ports.ts'

export const partitionCount = 2

export class Feed {
  readonly partitions = Array.from({ length: partitionCount }, (): Buffer[] => [])

  /** Appends the changes and gives their versions. */
  publish(changes: readonly PendingChange[]): number[] {
    for (const { copy, asOfMs } of changes) {
      const { partition, value } = encodeLinkChange({ link: copy, asOfMs }, partitionCount)
      this.partitions[partition]?.push(value)
    }
    return changes.map(({ version }) => version)
  }

  /** A producer that heard nothing sends an old record once more. */
  repeat(partition: number, place: number): void {
    const records = this.partitions[partition] ?? []
    const again = records[place % Math.max(1, records.length)]
    if (again !== undefined) records.push(again)
  }
}

export interface FeedListener {
  changed(change: DecodedLinkChange): void
  gap(): void
}

/** Reads each partition at its own pace; it may lose records, and be told of it by the numbering alone. */
export class FeedReader {
  readonly #feed: Feed
  readonly #listener: FeedListener
  readonly #positions = Array.from({ length: partitionCount }, () => 0)
  #expected = new Map<number, bigint>()

  constructor(feed: Feed, listener: FeedListener) {
    this.#feed = feed
    this.#listener = listener
  }

  async deliver(partition: number, recordsMax: number): Promise<void> {
    const from = this.#positions[partition] ?? 0
    const values = (this.#feed.partitions[partition] ?? []).slice(from, from + recordsMax)
    const messages = values.map((value, index) => ({ offset: String(from + index), value }))
    const batch = { partition, messages } as unknown as Parameters<typeof takeBatch>[0]['batch']
    const kept = { resolveOffset: () => {}, heartbeat: async () => {} }
    await takeBatch({ batch, ...kept }, this.#expected, this.#listener)
    this.#positions[partition] = from + values.length
  }

  /** The records that come next never come. Nobody knows until one after them does. */
  lose(partition: number, recordsMax: number): void {
    const records = this.#feed.partitions[partition]?.length ?? 0
    this.#positions[partition] = Math.min(records, (this.#positions[partition] ?? 0) + recordsMax)
  }

  /** Joins anew and begins with what comes next. */
  rejoin(): void {
    for (const [partition, { length }] of this.#feed.partitions.entries()) this.#positions[partition] = length
    this.#expected = new Map()
    this.#listener.gap()
  }
}
