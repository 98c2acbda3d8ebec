/**
 * How far a producer's clicks were acknowledged by Kafka: the last sequence of each partition. It is written after
 * the acknowledgement, so a crash between the two sends a batch again; readers of the topic drop what they have.
 */
export interface Checkpoint {
  /** The last acknowledged sequence of each partition; 0 before the first. */
  readonly acknowledged: readonly number[]
}

export function emptyCheckpoint(partitionCount: number): Checkpoint {
  return { acknowledged: new Array<number>(partitionCount).fill(0) }
}

export function encodeCheckpoint(checkpoint: Checkpoint): string {
  return `${JSON.stringify({ format: 1, ...checkpoint })}\n`
}

/** A checkpoint that cannot be read is an empty one: everything is sent again, and nothing is counted twice. */
export function decodeCheckpoint(text: string | undefined, partitionCount: number): Checkpoint {
  const empty = emptyCheckpoint(partitionCount)
  if (text === undefined) return empty
  try {
    const { format, acknowledged } = JSON.parse(text) as Record<string, unknown>
    if (format !== 1 || !Array.isArray(acknowledged) || acknowledged.length !== partitionCount) return empty
    const sane = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0
    return acknowledged.every(sane) ? { acknowledged } : empty
  } catch {
    return empty
  }
}
