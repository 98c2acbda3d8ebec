/** The topic of changed links, and one process's way of reading it. */
import {
  type DecodedLinkChange,
  encodeFeedMark,
  encodeLinkChange,
  type FeedMark,
} from '@linkfleet/contracts/link-changes'
import { takeBatch } from '../../services/redirect/src/adapters/kafka-thread/link-changes-kafka.ts'
import type { Marking } from '../../services/shortener/src/domain/feed-marks.ts'
import type { PendingChange } from '../../services/shortener/src/ports.ts'

export const partitionCount = 2

export type PublishFate = 'acknowledged' | 'unheard' | 'late'

export class Feed {
  readonly partitions = Array.from({ length: partitionCount }, (): Buffer[] => [])

  /** Records that were sent and of which nobody heard; they may still come. */
  readonly #underWay: (() => void)[] = []

  /**
   * Appends the changes and marks of each partition, and gives the versions that were acknowledged. `unheard`: they are
   * there, and nobody was told so; `late`: nor are they there, until they land.
   */
  publish(changes: readonly PendingChange[], marking: Marking | undefined, fate: PublishFate): number[] {
    const records = changes.map(({ copy, asOfMs }) =>
      encodeLinkChange({ link: copy, asOfMs }, partitionCount),
    )
    for (const [partition, place] of this.partitions.entries()) {
      const values = records.filter((record) => record.partition === partition).map(({ value }) => value)
      const mark = marking?.markOf(partition, partitionCount)
      if (mark !== undefined) values.push(encodeFeedMark(mark, partition).value)
      if (fate === 'late') this.#underWay.push(() => place.push(...values))
      else place.push(...values)
      if (fate === 'acknowledged') marking?.acknowledged(partition, partitionCount, place.length - 1)
    }
    return fate === 'acknowledged' ? changes.map(({ version }) => version) : []
  }

  /** What was under way for so long arrives, one partition of it. */
  land(place: number): void {
    const [landed] = this.#underWay.splice(place % Math.max(1, this.#underWay.length), 1)
    landed?.()
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
  marked(mark: FeedMark, partition: number, offset: number): void
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
    const heeded = async () => {}
    await takeBatch({ batch, ...kept }, this.#expected, { ...this.#listener, heeded })
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
