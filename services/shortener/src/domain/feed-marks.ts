/**
 * The marks that a relay puts into the feed of changes, so that whoever reads all of it knows what did not change. Between
 * a mark and the one before it in its partition lies every change that was committed between the two looks at the outbox:
 * what the first look did not see is published after its mark was acknowledged, since one relay at a time looks and its
 * looks follow each other; and what the second one saw and Kafka has not yet comes along with the mark, before it.
 */
import type { FeedMark } from '@linkfleet/contracts/link-changes'
import type { OutboxSnapshot } from '../ports.ts'
import { momentOf } from './snapshot-moment.ts'

/** Marks that follow the changes of one look at the outbox, the last record of each partition. */
export interface Marking {
  markOf(partition: number, partitionCount: number): FeedMark
  /** The mark of this partition is at this offset. */
  acknowledged(partition: number, partitionCount: number, offset: number): void
}

interface Previous {
  readonly timeline: number
  readonly partitionCount: number
  readonly offset: number
  readonly takenAtMs: number
}

/** Of one time that a relay leads: a mark of it that came late, behind what its successor published, is never named again. */
export class FeedMarks {
  readonly #previous = new Map<number, Previous>()
  #marked = { timeline: 0, heartbeatMs: 0 }

  /** Marks for this look, at most one in each partition for a heartbeat; none when it left out changes that Kafka has not. */
  begin(snapshot: OutboxSnapshot): Marking | undefined {
    const { heartbeatMs, timeline, isCompleteForKafka } = snapshot
    if (!isCompleteForKafka || heartbeatMs === undefined) return undefined
    if (timeline === this.#marked.timeline && heartbeatMs <= this.#marked.heartbeatMs) return undefined
    this.#marked = { timeline, heartbeatMs }
    const takenAtMs = momentOf(snapshot)
    return {
      markOf: (partition, partitionCount) => {
        const previous = this.#previousOf(partition, partitionCount, timeline)
        return { knownAtMs: heartbeatMs, timeline, partitionCount, previous }
      },
      acknowledged: (partition, partitionCount, offset) => {
        this.#previous.set(partition, { timeline, partitionCount, offset, takenAtMs })
      },
    }
  }

  /** undefined where links were spread otherwise: they may have changes in the partition they were in before. */
  #previousOf(partition: number, partitionCount: number, timeline: number): FeedMark['previous'] {
    const previous = this.#previous.get(partition)
    if (previous?.timeline !== timeline || previous.partitionCount !== partitionCount) return undefined
    return { offset: previous.offset, takenAtMs: previous.takenAtMs }
  }
}
