/**
 * Sends one batch. A message that is refused for good is split, down to the click that is to blame, which is set
 * aside, so that nothing loops.
 */
import { clickBatchHeadBytes, frameClickBatch } from '@linkfleet/contracts/clicks'
import { splitFrames } from './frames.ts'

/** Thrown by a topic for a message that no repetition will make acceptable. */
export class RefusedForGoodError extends Error {}

/** What a broker says of one partition of a request. */
export interface PartitionAnswer {
  readonly partition: number
  readonly errorCode: number
}

/** Throws unless an answer names the partition as written: a request may come back without those that were lost. */
export function requireAcknowledged(answers: readonly PartitionAnswer[], partition: number): void {
  const answer = answers.find((candidate) => candidate.partition === partition)
  if (answer?.errorCode !== 0) throw new Error(`partition ${partition} was not acknowledged`)
}

export interface BatchPorts {
  /**
   * Resolves when the partition's leader and its replicas have the message; the one given, and no other. `value` is not
   * looked at any more once it has resolved or rejected.
   */
  send(partition: number, value: Buffer): Promise<void>
  /** `frame` is not looked at any more once it has resolved or rejected either. */
  setAside(partition: number, frame: Buffer): Promise<void>
}

/**
 * Resolves, with the number of acknowledged messages, when each click of the message was acknowledged or set aside.
 * Rejects when it must be sent again.
 */
export async function sendBatch(
  ports: BatchPorts,
  producerId: Buffer,
  partition: number,
  message: Buffer,
): Promise<number> {
  try {
    await ports.send(partition, message)
    return 1
  } catch (cause) {
    if (!(cause instanceof RefusedForGoodError)) throw cause
  }
  const frames = splitFrames(message.subarray(clickBatchHeadBytes))
  const [only] = frames
  if (only === undefined) return 0
  if (frames.length === 1) {
    await ports.setAside(partition, only)
    return 0
  }
  const middle = frames.length >>> 1
  let sent = 0
  for (const half of [frames.slice(0, middle), frames.slice(middle)]) {
    sent += await sendBatch(ports, producerId, partition, frameClickBatch(producerId, half))
  }
  return sent
}
