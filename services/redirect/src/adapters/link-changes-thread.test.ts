import { liveLink } from '@linkfleet/contracts/testing/live-link'
import { expect, test } from 'vitest'
import { FeedOutbox } from './kafka-thread/feed-outbox.ts'
import type { KafkaThreadListener } from './kafka-thread/kafka-thread.ts'
import type { FeedEvent, WorkerMessage } from './kafka-thread/messages.ts'
import { openLinkChanges } from './link-changes-thread.ts'

/** A feed whose thread is played: what it posts arrives when the test says so. */
function openFeed() {
  const listeners: KafkaThreadListener[] = []
  const underWay: WorkerMessage[] = []
  let outbox = new FeedOutbox((news) => underWay.push(news))
  const told: string[] = []
  const feed = openLinkChanges({
    thread: {
      listen: (listener) => void listeners.push(listener),
      tell: (request) => {
        if (request.kind === 'heeded') outbox.heeded(request.number)
      },
    },
    changed: ({ link }) => void told.push(`${link.code} ${link.version}`),
    marked: (_mark, partition, offset) => void told.push(`mark ${partition}/${offset}`),
    gap: (reason) => void told.push(reason),
  })
  const deliver = () => {
    for (const message of underWay.splice(0)) for (const { heard } of listeners) heard(message)
  }
  return {
    told,
    feed,
    deliver,
    outbox: () => outbox,
    report: (state: string) => {
      underWay.push({ kind: 'report', clicks: 'up', feed: state, folders: [] })
      deliver()
    },
    /** What was under way is lost. */
    die() {
      underWay.length = 0
      for (const { ended } of listeners) ended()
    },
    restart() {
      outbox = new FeedOutbox((news) => underWay.push(news))
      for (const { restarted } of listeners) restarted()
    },
  }
}

const changed = (version: number): FeedEvent => ({
  kind: 'changed',
  change: { link: liveLink('abc', version), asOfMs: version },
})
const marked: FeedEvent = {
  kind: 'marked',
  mark: { knownAtMs: 5, timeline: 1, partitionCount: 1, previous: undefined },
  partition: 0,
  offset: 7,
}

test('what the thread tells is heeded in its order, and it hears so', async () => {
  const { outbox, told, deliver } = openFeed()
  for (const event of [changed(1), marked, changed(2)]) outbox().add(event)
  const heeded = outbox().heededAll()
  expect(told).toEqual([])
  deliver()
  await heeded
  expect(told).toEqual(['abc 1', 'mark 0/7', 'abc 2'])
})

test('what a thread that ended had not yet told is a gap, and its successor counts anew', async () => {
  const { outbox, told, deliver, die, restart } = openFeed()
  outbox().add(changed(1))
  void outbox().heededAll()
  deliver()
  outbox().add(changed(2))
  void outbox().heededAll()
  die()
  restart()
  outbox().add({ kind: 'gap', reason: 'joined' })
  outbox().add(changed(3))
  const heeded = outbox().heededAll()
  deliver()
  await heeded
  expect(told).toEqual(['abc 1', 'its thread ended', 'joined', 'abc 3'])
})

test('its state is what the thread said last, as long as there is one', () => {
  const { feed, report, die, restart } = openFeed()
  expect(feed.state()).toBe('joining')
  report('up')
  expect(feed.state()).toBe('up')
  die()
  expect(feed.state()).toBe('its thread ended')
  restart()
  expect(feed.state()).toBe('joining')
})
