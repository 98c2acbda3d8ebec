import { eventually } from '@linkfleet/testkit/eventually'
import { expect, it } from 'vitest'
import { message, producerId, run } from '../../testing/clicks.ts'
import { openFixture } from '../../testing/fixture.ts'
import { openLogRange } from './click-log-range-kafka.ts'

it('a range of a log is read from its first record to its last, and no other partition', async () => {
  await using fixture = await openFixture(2)
  const value = (first: number) => message(producerId(1), run(first, first + 9, { atMs: Date.now() }))
  const sent = Array.from({ length: 50 }, (_none, index) => value(index * 10 + 1))
  for (const one of sent) await fixture.send(1, [one])
  await fixture.send(0, [value(1)])
  const log = openLogRange(fixture.kafka, fixture.topic)
  expect(await log.low(1)).toBe(0)
  const read: { offset: number; value: Buffer | null }[] = []
  await log.read(1, 7, 40, async (records) => {
    for (const { offset, value: found } of records) read.push({ offset, value: found })
  })
  expect(read.map(({ offset }) => offset)).toEqual(Array.from({ length: 33 }, (_none, index) => index + 7))
  expect(read.map((one) => one.value)).toEqual(sent.slice(7, 40))
  await expect(log.low(9)).rejects.toThrow('no partition 9')
  await expect(
    log.read(1, 0, 5, async () => {
      throw new Error('the database is away')
    }),
  ).rejects.toThrow('the database is away')
}, 60_000)

it('records that Kafka deleted are known by its lowest offset', async () => {
  await using fixture = await openFixture(1)
  for (let index = 0; index < 5; index++)
    await fixture.send(0, [message(producerId(1), run(index + 1, index + 1))])
  const admin = fixture.kafka.admin()
  await admin.connect()
  try {
    await admin.fetchTopicMetadata({ topics: [fixture.topic] })
    await admin.deleteTopicRecords({ topic: fixture.topic, partitions: [{ partition: 0, offset: '3' }] })
  } finally {
    await admin.disconnect()
  }
  const log = openLogRange(fixture.kafka, fixture.topic)
  expect(await eventually(async () => (await log.low(0)) === 3, { withinMs: 40_000 })).toBe(true)
})
