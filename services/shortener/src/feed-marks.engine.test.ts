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

/** True when so many marks in a row each name the mark right before them. */
function namesTheOneBefore(marks: ReturnType<typeof marksIn>, times: number): boolean {
  let inARow = 0
  for (const [place, { previous }] of marks.entries()) {
    inARow = previous !== undefined && previous.offset === marks[place - 1]?.offset ? inARow + 1 : 0
    if (inARow === times) return true
  }
  return false
}

test('each partition gets a mark a second that names one before it, and each change comes before the marks that speak of its time', async () => {
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
  // A send that Kafka did not answer, or that was tried again, leaves marks that the next one does not name.
  await eventually(() => partitions.every((one) => namesTheOneBefore(marksIn(records, one), 2)), {
    withinMs: 20_000,
  })

  for (const partition of partitions) {
    const marks = marksIn(records, partition)
    expect(marks[0]?.previous).toBeUndefined()
    for (const mark of marks) {
      if (mark.previous === undefined) continue
      const named = marks.find(({ offset }) => offset === mark.previous?.offset)
      expect(named?.offset).toBeLessThan(mark.offset)
      expect(named?.knownAtMs).toBeLessThan(mark.previous.takenAtMs)
      expect(named?.knownAtMs).toBeLessThan(mark.knownAtMs)
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
