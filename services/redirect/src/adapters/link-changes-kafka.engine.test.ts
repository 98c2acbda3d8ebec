import { encodeLinkChange, type LinkChange } from '@linkfleet/contracts/link-changes'
import { liveLink } from '@linkfleet/contracts/testing/live-link'
import { ensureTopics, openKafka } from '@linkfleet/runtime/kafka'
import { silentLogger } from '@linkfleet/runtime/log'
import { testKafkaBrokers, uniqueName } from '@linkfleet/testkit/engines'
import { eventually } from '@linkfleet/testkit/eventually'
import { expect, test } from 'vitest'
import { openLinkChangesKafka } from './link-changes-kafka.ts'

test('the feed tells of what changes after it joined, and of its joins and unreadable records as gaps', async () => {
  const kafka = openKafka({ brokers: testKafkaBrokers(), clientId: 'test', log: silentLogger() })
  const topic = uniqueName('link-changes')
  await ensureTopics(kafka, [{ topic, partitions: 2 }])
  const producer = kafka.producer({ allowAutoTopicCreation: false })
  await producer.connect()
  const publish = async (change: LinkChange) => {
    const { key, value, partition } = encodeLinkChange(change, 2)
    await producer.send({ topic, messages: [{ key, value, partition }] })
  }
  await publish({ link: liveLink('before1', 1), asOfMs: 1 })

  const told: string[] = []
  const gaps: string[] = []
  const feed = openLinkChangesKafka({
    kafka,
    topic,
    partitions: 2,
    instance: 'test',
    log: silentLogger(),
    changed: ({ link, asOfMs }) => void told.push(`${link.code} ${link.version} ${asOfMs}`),
    gap: (reason) => void gaps.push(reason),
  })
  await eventually(() => gaps.includes('first fetch'), { withinMs: 20_000 })
  expect(gaps[0]).toBe('joined')
  await publish({ link: liveLink('after12', 2), asOfMs: 22 })
  await eventually(() => expect(told).toEqual(['after12 2 22']))

  await producer.send({ topic, messages: [{ key: null, value: 'no change', partition: 0 }] })
  await eventually(() => gaps.includes('a record cannot be read'))
  await publish({ link: liveLink('after12', 3), asOfMs: 33 })
  await eventually(() => expect(told).toEqual(['after12 2 22', 'after12 3 33']))
  await feed[Symbol.asyncDispose]()
  await producer.disconnect()
})
