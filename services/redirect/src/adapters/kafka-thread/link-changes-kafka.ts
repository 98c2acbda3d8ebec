/**
 * The feed of changed links. Every process reads all of it, so each is a consumer group of its own that commits
 * nothing and begins with what comes next. What it missed it cannot know, so each join, and each record that is
 * missing in the numbering of a partition, is reported as a gap.
 */
import { randomUUID } from 'node:crypto'
import {
  type DecodedLinkChange,
  decodeFeedRecord,
  type FeedMark,
  linkChangesKeptMs,
} from '@linkfleet/contracts/link-changes'
import { backoffMs, sleep } from '@linkfleet/runtime/backoff'
import { type Consumer, type EachBatchPayload, ensureTopics, type Kafka } from '@linkfleet/runtime/kafka'
import type { Logger } from '@linkfleet/runtime/log'

export interface LinkChangesReaderOptions {
  readonly kafka: Kafka
  readonly topic: string
  /** Used when the topic is not there yet: a new fleet may see a redirect before its first link. */
  readonly partitions: number
  readonly instance: string
  readonly log: Logger
  readonly changed: (change: DecodedLinkChange) => void
  readonly marked: (mark: FeedMark, partition: number, offset: number) => void
  readonly gap: (reason: string) => void
  /** Resolves when all that was told was heeded; nothing further is told before that. */
  readonly heeded: () => Promise<void>
}

export interface LinkChangesReader extends AsyncDisposable {
  state(): string
}

const leaveWithinMs = 500
/** How long the broker keeps a fetch that finds nothing; a change ends it at once. Less than `leaveWithinMs`: a fetch is waited for. */
const quietFetchMs = 300
/** Of a batch that may hold thousands: nobody is to take them all in one go. */
const toldAtOnceMax = 256

/** Joins in the background and again after every failure. */
export function openLinkChangesKafka(options: LinkChangesReaderOptions): LinkChangesReader {
  const stopping = new AbortController()
  let state = 'joining'
  const running = keepReading()

  async function keepReading(): Promise<void> {
    for (let attempt = 0; !stopping.signal.aborted; attempt += 1) {
      try {
        await readUntilItEnds(options, stopping.signal, () => {
          attempt = 0
          state = 'up'
        })
      } catch (cause) {
        options.log.debug({ err: cause }, 'the feed of changed links cannot be read')
        state = (cause as Error).message
      }
      if (!stopping.signal.aborted) {
        await sleep(backoffMs(attempt, { baseMs: 250, maxMs: 5_000 }), stopping.signal)
      }
    }
  }

  return {
    state: () => state,
    async [Symbol.asyncDispose]() {
      stopping.abort()
      // Leaving the group is a courtesy to the broker; a broker that is away must not hold up the end.
      await Promise.race([running, sleep(leaveWithinMs)])
    },
  }
}

/** One consumer's life: from its join to its crash or the end of the process. */
async function readUntilItEnds(
  options: LinkChangesReaderOptions,
  signal: AbortSignal,
  joined: () => void,
): Promise<void> {
  const consumer = options.kafka.consumer({
    groupId: `redirect-${options.instance}-${randomUUID()}`,
    allowAutoTopicCreation: false,
    maxWaitTimeInMs: quietFetchMs,
    sessionTimeout: 15_000,
    heartbeatInterval: 3_000,
    retry: { retries: 3, restartOnFailure: async () => false },
  })
  const ended = Promise.withResolvers<void>()
  const end = () => ended.resolve()
  watch(consumer, options, joined, ended.reject)
  signal.addEventListener('abort', end, { once: true })
  try {
    const { topic, partitions } = options
    await ensureTopics(options.kafka, [{ topic, partitions, retentionMs: linkChangesKeptMs }])
    await consumer.connect()
    await consumer.subscribe({ topic: options.topic, fromBeginning: false })
    const expected = new Map<number, bigint>()
    await consumer.run({
      autoCommit: false,
      eachBatch: async (payload) => takeBatch(payload, expected, options),
    })
    await ended.promise
  } finally {
    signal.removeEventListener('abort', end)
    await consumer.disconnect().catch(() => undefined)
  }
}

function watch(
  consumer: Consumer,
  options: LinkChangesReaderOptions,
  joined: () => void,
  crashed: (cause: Error) => void,
): void {
  let fresh = false
  consumer.on(consumer.events.GROUP_JOIN, () => {
    fresh = true
    joined()
    options.gap('joined')
  })
  // Where a partition begins is only settled by its first fetch; what changed before that was not seen either.
  consumer.on(consumer.events.FETCH, () => {
    if (fresh) options.gap('first fetch')
    fresh = false
  })
  consumer.on(consumer.events.CRASH, ({ payload }) => crashed(payload.error))
}

/** `expected` is the next number of each partition. A lower one is a gap too: the topic was made anew. */
export async function takeBatch(
  { batch, resolveOffset, heartbeat }: Pick<EachBatchPayload, 'batch' | 'resolveOffset' | 'heartbeat'>,
  expected: Map<number, bigint>,
  options: Pick<LinkChangesReaderOptions, 'changed' | 'marked' | 'gap' | 'heeded'>,
): Promise<void> {
  for (const [index, { offset, value }] of batch.messages.entries()) {
    const at = BigInt(offset)
    const next = expected.get(batch.partition)
    if (next !== undefined && at !== next) options.gap('records are missing')
    expected.set(batch.partition, at + 1n)
    const record = decodeFeedRecord(value)
    if (record === undefined) options.gap('a record cannot be read')
    else if (record.mark !== undefined) options.marked(record.mark, batch.partition, Number(offset))
    else options.changed(record.change)
    resolveOffset(offset)
    if (index % toldAtOnceMax === toldAtOnceMax - 1) await options.heeded()
  }
  // Before the broker is asked anything: it may take long to answer, or fail.
  await options.heeded()
  await heartbeat()
}
