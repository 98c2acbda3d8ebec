/**
 * Takes applied batches from the queue to the archive, every second those partitions of which enough waits or one
 * batch has waited long, and without a pause while more waits than a segment holds. Any instance may archive any
 * partition; a failure leaves all in the queue for the next look.
 */
import { backoffMs, sleep } from '@linkfleet/runtime/backoff'
import type { Events } from '../../events.ts'
import { type QueueState, queueState } from './archive-queue-pg.ts'
import { type ArchivePorts, archiveOnce } from './archive-segments-pg.ts'

export interface ArchiverOptions extends ArchivePorts {
  /** Of records before compression, of which a segment is made. */
  readonly segmentBytes: number
  readonly segmentSeconds: number
  readonly events: Events
}

export interface Archiver extends AsyncDisposable {
  /** What waited at the last look; undefined before the first. */
  queue(): QueueState | undefined
  /** 'up' after what could be stored, else what went wrong last. */
  state(): string
}

const everyMs = 1_000
const retry = { baseMs: 1_000, maxMs: 30_000 }

export function startArchiver(options: ArchiverOptions): Archiver {
  const stopping = new AbortController()
  let queue: QueueState | undefined
  let state = 'up'

  /** Whether it stored something and enough for another segment waits behind it. */
  async function lookOnce(): Promise<boolean> {
    let isBehind = false
    queue = await queueState(options.pool)
    for (const { partition, recordBytes, oldestMs } of queue.partitions) {
      const isDue =
        recordBytes >= options.segmentBytes || options.now() - oldestMs >= options.segmentSeconds * 1000
      if (!isDue || stopping.signal.aborted) continue
      const stored = await archiveOnce(options, partition, options.segmentBytes)
      if (stored === undefined) continue
      options.events.segmentStored(stored)
      isBehind ||= recordBytes >= 2 * options.segmentBytes
    }
    return isBehind
  }

  async function keepArchiving(): Promise<void> {
    for (let failures = 0; !stopping.signal.aborted; ) {
      try {
        const isBehind = await lookOnce()
        state = 'up'
        failures = 0
        if (!isBehind) await sleep(everyMs, stopping.signal)
      } catch (cause) {
        state = (cause as Error).message
        options.events.archiveFailed(cause)
        await sleep(backoffMs(failures++, retry), stopping.signal)
      }
    }
  }

  const finished = keepArchiving()
  return {
    queue: () => queue,
    state: () => state,
    async [Symbol.asyncDispose]() {
      stopping.abort()
      await finished
    },
  }
}
