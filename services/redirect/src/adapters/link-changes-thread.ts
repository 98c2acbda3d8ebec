/** The feed of changed links, as the thread that speaks with Kafka tells it. */
import type { DecodedLinkChange, FeedMark } from '@linkfleet/contracts/link-changes'
import type { KafkaThread } from './kafka-thread/kafka-thread.ts'
import type { FeedEvent } from './kafka-thread/messages.ts'

export interface LinkChangesFeedOptions {
  readonly thread: Pick<KafkaThread, 'listen' | 'tell'>
  readonly changed: (change: DecodedLinkChange) => void
  readonly marked: (mark: FeedMark, partition: number, offset: number) => void
  readonly gap: (reason: string) => void
}

export interface LinkChangesFeed {
  /** 'up' once it was joined, else what went wrong last. */
  state(): string
}

export function openLinkChanges({ thread, changed, marked, gap }: LinkChangesFeedOptions): LinkChangesFeed {
  let state = 'joining'

  function heed(event: FeedEvent): void {
    if (event.kind === 'changed') changed(event.change)
    else if (event.kind === 'marked') marked(event.mark, event.partition, event.offset)
    else gap(event.reason)
  }

  thread.listen({
    heard(message) {
      if (message.kind === 'report') {
        state = message.feed
        return
      }
      for (const event of message.events) heed(event)
      thread.tell({ kind: 'heeded', number: message.number })
    },
    ended() {
      state = 'its thread ended'
      gap(state)
    },
    restarted() {
      state = 'joining'
    },
  })
  return { state: () => state }
}
