import { setTimeout as delay } from 'node:timers/promises'
import {
  encodeFeedMark,
  encodeLinkChange,
  type FeedRecord,
  type LinkChange,
} from '@linkfleet/contracts/link-changes'
import { liveLink } from '@linkfleet/contracts/testing/live-link'
import { ensureTopics, openKafka } from '@linkfleet/runtime/kafka'
import { silentLogger } from '@linkfleet/runtime/log'
import { testKafkaBrokers, uniqueName } from '@linkfleet/testkit/engines'
import { eventually } from '@linkfleet/testkit/eventually'
import { expect, test } from 'vitest'
import { openLinkChangesKafka } from './link-changes-kafka.ts'

test('the feed tells of what changes after it joined and of marks, and of its joins and unreadable records as gaps', async () => {
  const kafka = openKafka({ brokers: testKafkaBrokers(), clientId: 'test', log: silentLogger() })
  const topic = uniqueName('link-changes')
  await ensureTopics(kafka, [{ topic, partitions: 2 }])
  const producer = kafka.producer({ allowAutoTopicCreation: false })
  await producer.connect()
  const send = async ({ key, value, partition }: FeedRecord) => {
    await producer.send({ topic, messages: [{ key, value, partition }] })
  }
  const publish = (change: LinkChange) => send(encodeLinkChange(change, 2))
  await publish({ link: liveLink('before1', 1), asOfMs: 1 })

  const told: string[] = []
  const marked: unknown[] = []
  const gaps: string[] = []
  /** Until when nothing further is told. */
  let heeded: Promise<void> | undefined
  const feed = openLinkChangesKafka({
    kafka,
    topic,
    partitions: 2,
    instance: 'test',
    log: silentLogger(),
    changed: ({ link, asOfMs }) => void told.push(`${link.code} ${link.version} ${asOfMs}`),
    marked: (mark, partition, offset) => void marked.push({ mark, partition, offset }),
    gap: (reason) => void gaps.push(reason),
    heeded: async () => await heeded,
  })
  await eventually(() => gaps.includes('first fetch'), { withinMs: 20_000 })
  expect(gaps[0]).toBe('joined')
  await publish({ link: liveLink('after12', 2), asOfMs: 22 })
  await eventually(() => expect(told).toEqual(['after12 2 22']))

  await producer.send({ topic, messages: [{ key: null, value: 'no change', partition: 0 }] })
  await eventually(() => gaps.includes('a record cannot be read'))
  await publish({ link: liveLink('after12', 3), asOfMs: 33 })
  await eventually(() => expect(told).toEqual(['after12 2 22', 'after12 3 33']))

  const heeding = Promise.withResolvers<void>()
  heeded = heeding.promise
  await publish({ link: liveLink('after12', 4), asOfMs: 44 })
  await eventually(() => expect(told).toHaveLength(3))
  await publish({ link: liveLink('after12', 5), asOfMs: 55 })
  // Ten times the time in which a record that was sent is told.
  await delay(1_000)
  expect(told).toHaveLength(3)
  heeding.resolve()
  await eventually(() => expect(told.slice(3)).toEqual(['after12 5 55']))

  const mark = { knownAtMs: 5, timeline: 1, partitionCount: 2, previous: { offset: 3, takenAtMs: 4 } }
  const { partition } = encodeLinkChange({ link: liveLink('after12', 6), asOfMs: 66 }, 2)
  await send(encodeFeedMark(mark, partition))
  await eventually(() => marked.length > 0)
  // After the record that cannot be read where that is of the same partition, and the four changes.
  expect(marked).toEqual([{ mark, partition, offset: partition === 0 ? 5 : 4 }])
  await feed[Symbol.asyncDispose]()
  await producer.disconnect()
})
