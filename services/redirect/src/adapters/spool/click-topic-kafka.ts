/**
 * The clicks topic. One partition for each send, the partition given, all in-sync replicas, not idempotent, and one
 * message in flight for each partition, whichever producer of the spool it belongs to: kafkajs resolves a send over
 * several partitions although one of them was lost when its leader moved, and its sequence errors never end.
 */
import { ensureTopics, growTopic, type Kafka, type Producer } from '@linkfleet/runtime/kafka'
import { RefusedForGoodError, requireAcknowledged } from '../../domain/spool/send-batch.ts'

export interface ClickTopic {
  send(partition: number, value: Buffer): Promise<void>
  /** 'up' after an acknowledgement, else what went wrong last. */
  state(): string
  /** Never throws. */
  close(): Promise<void>
}

/** Broker errors that say something of the message itself. https://kafka.apache.org/protocol#protocol_error_codes */
const refusals = new Set([
  'MESSAGE_TOO_LARGE',
  'RECORD_LIST_TOO_LARGE',
  'INVALID_RECORD',
  'UNSUPPORTED_FOR_MESSAGE_FORMAT',
])

const acksTimeoutMs = 5_000

/** A partition that was added is known this late. */
const knownAfterMsMax = 30_000

export function openClickTopicKafka(
  kafka: Kafka,
  topic: string,
  partitions: number,
  metadataMaxAge = knownAfterMsMax,
): ClickTopic {
  const producer: Producer = kafka.producer({
    allowAutoTopicCreation: false,
    idempotent: false,
    metadataMaxAge,
    // The sender has its own backoff; these are for a leader that has just moved.
    retry: { retries: 2, initialRetryTime: 100, maxRetryTime: 1_000 },
  })
  const busy = new Map<number, Promise<void>>()
  let connecting: Promise<void> | undefined
  let state = 'not tried yet'
  /** Segments of another configuration, or of a topic that was made anew, may need more than are configured. */
  let partitionsNeeded = partitions

  async function connect(): Promise<void> {
    await ensureTopics(kafka, [{ topic, partitions: partitionsNeeded }])
    await growTopic(kafka, { topic, partitions: partitionsNeeded })
    await producer.connect()
  }

  async function connected(): Promise<void> {
    connecting ??= connect()
    try {
      await connecting
    } catch (cause) {
      connecting = undefined
      throw cause
    }
  }

  async function sendNow(partition: number, value: Buffer): Promise<void> {
    if (partition >= partitionsNeeded) {
      partitionsNeeded = partition + 1
      connecting = undefined
    }
    try {
      await connected()
      const answers = await producer.send({
        topic,
        acks: -1,
        timeout: acksTimeoutMs,
        messages: [{ partition, key: null, value }],
      })
      requireAcknowledged(answers, partition)
      state = 'up'
    } catch (cause) {
      const refusal = refusalOf(cause)
      // Somebody deleted the topic: the next attempt makes it again.
      if (refusal === 'UNKNOWN_TOPIC_OR_PARTITION') connecting = undefined
      if (refusals.has(refusal)) throw new RefusedForGoodError('refused for good', { cause })
      state = (cause as Error).message
      throw cause
    }
  }

  return {
    async send(partition, value) {
      for (let before = busy.get(partition); before !== undefined; before = busy.get(partition)) await before
      const sending = sendNow(partition, value)
      const settled = sending.then(
        () => undefined,
        () => undefined,
      )
      busy.set(partition, settled)
      try {
        await sending
      } finally {
        busy.delete(partition)
      }
    },
    state: () => state,
    async close() {
      await producer.disconnect().catch(() => undefined)
    },
  }
}

/** kafkajs wraps the broker's error in one that says how often it tried. */
function refusalOf(cause: unknown): string {
  for (let error = cause; error instanceof Error; error = error.cause) {
    const { type } = error as { type?: unknown }
    if (typeof type === 'string') return type
  }
  return ''
}
