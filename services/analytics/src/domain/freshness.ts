/** How old the oldest click is that has reached Kafka and is not counted yet, as far as this instance can tell. */

export interface PartitionProgress {
  /** The moment at which everything in the partition was last known to be applied. */
  readonly caughtUpAtMs: number
  /** When the log's end was last asked for, successfully. */
  readonly askedAtMs: number
  /** Records in the log that are not applied, when it was last asked. */
  readonly lagRecords: number
  /** Since when the oldest click waits in the batch that is being applied right now. */
  readonly inHandOldestMs: number | undefined
}

export interface ConsumerProgress {
  /** By partition, of the partitions that this instance has now. */
  progress(): ReadonlyMap<number, PartitionProgress>
  /** Since when this instance has been in no group, from its start on; undefined while it is in one. */
  outsideSinceMs(): number | undefined
}

/** Without an answer for this long, the log is taken to hold clicks that we do not know of. */
const answerAgeMsMax = 5_000

/**
 * Seconds, never less than the truth but for clicks that still wait in spools: an unapplied click arrived after
 * its partition was last caught up, so that moment bounds its age. An instance in no group has no partition to look
 * at and counts nothing, so its clicks are taken to wait since `outsideSinceMs`.
 */
export function oldestUnappliedAgeSeconds(
  partitions: Iterable<PartitionProgress>,
  outsideSinceMs: number | undefined,
  nowMs: number,
): number {
  let oldestMs = Math.min(nowMs, outsideSinceMs ?? nowMs)
  for (const progress of partitions) {
    const blind = nowMs - progress.askedAtMs > answerAgeMsMax
    if (progress.lagRecords > 0 || blind) oldestMs = Math.min(oldestMs, progress.caughtUpAtMs)
    if (progress.inHandOldestMs !== undefined) oldestMs = Math.min(oldestMs, progress.inHandOldestMs)
  }
  return (nowMs - oldestMs) / 1000
}
