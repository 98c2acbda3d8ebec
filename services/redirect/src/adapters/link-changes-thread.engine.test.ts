import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { encodeFeedMark, encodeLinkChange, type FeedRecord } from '@linkfleet/contracts/link-changes'
import { liveLink } from '@linkfleet/contracts/testing/live-link'
import { ensureTopics, openKafka } from '@linkfleet/runtime/kafka'
import { silentLogger } from '@linkfleet/runtime/log'
import { testKafkaBrokers, uniqueName } from '@linkfleet/testkit/engines'
import { eventually } from '@linkfleet/testkit/eventually'
import { expect, test } from 'vitest'
import { startTestThread } from '../testing/spool-with-thread.ts'
import { openLinkChanges } from './link-changes-thread.ts'
import { readBootId } from './spool/spool-folder.ts'

const brokers = testKafkaBrokers()
const log = silentLogger()

async function startFeed(resources: AsyncDisposableStack, topic: string) {
  const spoolDir = await mkdtemp(join(tmpdir(), 'linkfleet-feed-'))
  resources.defer(() => rm(spoolDir, { recursive: true, force: true }))
  const clicks = { topic: uniqueName('clicks'), partitions: 1 }
  const linkChanges = { topic, partitions: 1 }
  const bootId = await readBootId()
  const thread = resources.use(startTestThread({ brokers, clicks, linkChanges, bootId, spoolDir }))
  const told: string[] = []
  const feed = openLinkChanges({
    thread,
    changed: ({ link, asOfMs }) => void told.push(`${link.code} ${link.version} as of ${asOfMs}`),
    marked: ({ knownAtMs }, partition, offset) => void told.push(`mark ${knownAtMs} ${partition}/${offset}`),
    gap: (reason) => void told.push(reason),
  })
  return { thread, feed, told }
}

test('what the feed tells comes out of its thread in order, and goes on with a gap when the thread had to be started anew', async () => {
  await using resources = new AsyncDisposableStack()
  const kafka = openKafka({ brokers, clientId: 'test', log })
  const topic = uniqueName('link-changes')
  await ensureTopics(kafka, [{ topic, partitions: 1 }])
  const producer = kafka.producer({ allowAutoTopicCreation: false })
  await producer.connect()
  resources.defer(() => producer.disconnect())
  const send = (...messages: FeedRecord[]) => producer.send({ topic, messages })
  const change = (version: number) => encodeLinkChange({ link: liveLink('abc', version), asOfMs: version }, 1)
  const mark = { knownAtMs: 5, timeline: 1, partitionCount: 1, previous: undefined }

  const { thread, feed, told } = await startFeed(resources, topic)
  // A broker that is slow may have it join twice.
  const isReading = () => told.at(-1) === 'first fetch'
  const toldOfLinks = () => told.filter((what) => /^(abc|mark) /.test(what))
  await eventually(isReading, { withinMs: 20_000 })
  expect(told[0]).toBe('joined')
  await send(change(1), encodeFeedMark(mark, 0), change(2))
  const first = ['abc 1 as of 1', 'mark 5 0/1', 'abc 2 as of 2']
  await eventually(() => expect(toldOfLinks()).toEqual(first))
  await send(change(3))
  await eventually(() => expect(toldOfLinks()).toEqual([...first, 'abc 3 as of 3']))
  await eventually(() => feed.state() === 'up')

  // A request that it cannot make sense of ends the thread.
  thread.tell({ kind: 'folder' } as never)
  await eventually(() => told.includes('its thread ended'), { withinMs: 20_000 })
  await eventually(isReading, { withinMs: 20_000 })
  await send(change(4))
  await eventually(() => expect(toldOfLinks()).toEqual([...first, 'abc 3 as of 3', 'abc 4 as of 4']))
})
