/** What the relay puts into the feed so that silence means something, as it is in a real topic. */
import { decodeFeedRecord, type FeedMark } from '@linkfleet/contracts/link-changes'
import { openKafka } from '@linkfleet/runtime/kafka'
import { silentLogger } from '@linkfleet/runtime/log'
import { testKafkaBrokers, uniqueName } from '@linkfleet/testkit/engines'
import { eventually } from '@linkfleet/testkit/eventually'
import { expect, test } from 'vitest'
import { callApi, openTestFleet } from './testing/start.ts'

interface Read {
  readonly partition: number
  readonly offset: number
  readonly mark: FeedMark | undefined
  readonly code: string | undefined
}

/** Reads the topic from its beginning until told to stop. */
async function openReader(topic: string): Promise<{ readonly records: Read[] } & AsyncDisposable> {
  const kafka = openKafka({ brokers: testKafkaBrokers(), clientId: 'test', log: silentLogger() })
  const consumer = kafka.consumer({ groupId: uniqueName('test') })
  const records: Read[] = []
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run({
    eachMessage: async ({ partition, message }) => {
      const record = decodeFeedRecord(message.value)
      records.push({
        partition,
        offset: Number(message.offset),
        mark: record?.mark,
        code: record?.change?.link.code,
      })
    },
  })
  return { records, [Symbol.asyncDispose]: async () => await consumer.disconnect() }
}

const marksIn = (records: readonly Read[], partition: number) =>
  records.flatMap(({ mark, offset, ...record }) => {
    return mark === undefined || record.partition !== partition ? [] : [{ ...mark, offset }]
  })

test('each partition gets a mark a second that names the one before, and each change comes before the marks that speak of its time', async () => {
  await using fleet = await openTestFleet()
  const first = await fleet.start()
  await eventually(() => first.isActiveRelay)
  const created = new Map<string, number>()
  for (let link = 0; link < 40; link++) {
    const answer = await callApi(first, 'POST', '/api/v1/links', { url: `https://example.com/${link}` })
    created.set(answer.body.code, Date.now())
  }
  await using reader = await openReader(fleet.topic)
  const { records } = reader
  await eventually(() => records.some(({ mark }) => mark !== undefined), { withinMs: 20_000 })
  const count = records.find(({ mark }) => mark !== undefined)?.mark?.partitionCount ?? 0
  const partitions = Array.from({ length: count }, (_none, partition) => partition)
  await eventually(() => partitions.every((one) => marksIn(records, one).length >= 3), { withinMs: 20_000 })

  for (const partition of partitions) {
    const marks = marksIn(records, partition)
    expect(marks[0]?.previous).toBeUndefined()
    for (const [place, mark] of marks.slice(1).entries()) {
      expect(mark.previous?.offset).toBe(marks[place]?.offset)
      expect(mark.previous?.takenAtMs).toBeGreaterThan(marks[place]?.knownAtMs as number)
      expect(mark.knownAtMs).toBeGreaterThan(marks[place]?.knownAtMs as number)
    }
  }
  for (const [code, answeredAtMs] of created) {
    const change = records.find((record) => record.code === code)
    expect(change).toBeDefined()
    const later = marksIn(records, change?.partition as number).filter(
      ({ knownAtMs }) => knownAtMs > answeredAtMs,
    )
    for (const { offset } of later) expect(offset).toBeGreaterThan(change?.offset as number)
  }

  await first[Symbol.asyncDispose]()
  const marked = marksIn(records, 0).length
  const second = await fleet.start()
  await eventually(() => second.isActiveRelay)
  await eventually(
    () =>
      marksIn(records, 0)
        .slice(marked)
        .some(({ previous }) => previous === undefined),
    {
      withinMs: 20_000,
    },
  )
})
