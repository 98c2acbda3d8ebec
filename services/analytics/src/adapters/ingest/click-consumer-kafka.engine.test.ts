import { setTimeout as delay } from 'node:timers/promises'
import { CompressionTypes } from '@linkfleet/runtime/kafka'
import { eventually } from '@linkfleet/testkit/eventually'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { message, producerId, run } from '../../testing/clicks.ts'
import { type Fixture, openFixture, type RunningConsumer } from '../../testing/fixture.ts'

let resources: AsyncDisposableStack
let fixture: Fixture

beforeEach(async () => {
  resources = new AsyncDisposableStack()
  fixture = resources.use(await openFixture(3))
})

afterEach(async () => {
  await resources.disposeAsync()
})

const start = (): RunningConsumer => resources.use(fixture.startConsumer())
const atMs = Date.now()

/** `count` messages of ten clicks each, from the sequence `first` on. */
function messages(producer: number, count: number, first = 1): Buffer[] {
  return Array.from({ length: count }, (_none, index) =>
    message(
      producerId(producer),
      run(first + index * 10, first + index * 10 + 9, { atMs, code: `code${index % 7}` }),
    ),
  )
}

/** Of one thing: groups form in seconds, and on a machine that does much else in many. */
const withinMs = 60_000

async function untilCounted(clicks: number): Promise<void> {
  await eventually(
    async () => {
      const counted = await fixture.counted()
      if (counted !== clicks) throw new Error(`${counted} are counted, not ${clicks}`)
    },
    { withinMs, everyMs: 50 },
  )
}

/** Everything in the log was applied, so a count that is exact now stays exact. */
async function untilDrained(...consumers: RunningConsumer[]): Promise<void> {
  const startedMs = Date.now()
  await eventually(
    () => {
      const progress = consumers.flatMap((consumer) => [...consumer.progress().values()])
      return (
        progress.length === fixture.partitions &&
        progress.every(({ lagRecords, askedAtMs }) => lagRecords === 0 && askedAtMs > startedMs)
      )
    },
    { withinMs, everyMs: 50 },
  )
}

describe('clicks read from Kafka', { timeout: 4 * withinMs }, () => {
  it('that were sent twice are counted once', async () => {
    const sent = messages(1, 50)
    await fixture.send(0, [...sent, ...sent])
    await fixture.send(1, messages(1, 50))
    const consumer = start()
    await untilCounted(1_000)
    await fixture.send(0, sent)
    await untilDrained(consumer)
    expect(await fixture.counted()).toBe(1_000)
    expect(await consumer.metric('analytics_clicks_duplicate_total')).toBe(1_000)
    expect(await consumer.metric('analytics_clicks_applied_total')).toBe(1_000)
  })

  it('that lie in the log compressed with zstd are counted, and so is what follows', async () => {
    const consumer = start()
    const producer = fixture.kafka.producer({ allowAutoTopicCreation: false })
    await producer.connect()
    resources.defer(async () => await producer.disconnect())
    const sent = messages(1, 20).map((value) => ({ partition: 0, value }))
    await producer.send({
      topic: fixture.topic,
      acks: -1,
      compression: CompressionTypes.ZSTD,
      messages: sent,
    })
    await fixture.send(0, messages(1, 20, 201))
    await untilCounted(400)
    await untilDrained(consumer)
    expect(await fixture.counted()).toBe(400)
  })

  it('go on where the last consumer stopped', async () => {
    await fixture.send(0, messages(1, 20))
    const first = fixture.startConsumer()
    await untilCounted(200)
    await first[Symbol.asyncDispose]()
    await fixture.send(0, messages(1, 20, 201))
    const second = start()
    await untilCounted(400)
    expect(await second.metric('analytics_clicks_duplicate_total')).toBe(0)
    expect(await second.metric('analytics_log_rewinds_total')).toBe(0)
  })

  it('are counted once while consumers come and go', async () => {
    let rounds = 0
    const stopSending = new AbortController()
    const sending = (async () => {
      for (; !stopSending.signal.aborted; rounds++) {
        for (let partition = 0; partition < 3; partition++) {
          const sent = messages(partition, 4, 1 + rounds * 40)
          await fixture.send(partition, rounds % 7 === 0 ? [...sent, ...sent] : sent)
        }
        // Some at any moment, and not so many that the machine is busy with them instead of with who reads what.
        await delay(25)
      }
    })()
    const assigned = (consumer: RunningConsumer, partitions: number) =>
      eventually(() => consumer.progress().size === partitions, { withinMs })
    const first = fixture.startConsumer()
    await assigned(first, 3)
    const second = fixture.startConsumer()
    await Promise.all([
      eventually(() => first.progress().size < 3, { withinMs }),
      eventually(() => second.progress().size > 0, { withinMs }),
    ])
    const third = start()
    await Promise.all([first, second, third].map((consumer) => assigned(consumer, 1)))
    await first[Symbol.asyncDispose]()
    await eventually(() => second.progress().size + third.progress().size === 3, { withinMs })
    await second[Symbol.asyncDispose]()
    await assigned(third, 3)
    stopSending.abort()
    await sending
    await untilCounted(rounds * 120)
    await untilDrained(third)
    expect(await fixture.counted()).toBe(rounds * 120)
  })

  it('are read from the start of a topic that was made anew, and none is counted twice', async () => {
    const sent = messages(1, 30)
    await fixture.send(0, sent)
    const first = fixture.startConsumer()
    await untilCounted(300)
    await first[Symbol.asyncDispose]()
    const admin = fixture.kafka.admin()
    await admin.connect()
    await admin.deleteTopics({ topics: [fixture.topic] })
    await eventually(async () => !(await admin.listTopics()).includes(fixture.topic), { withinMs })
    await admin.disconnect()
    await eventually(async () => await fixture.createTopic().then(() => true), { withinMs })
    // Longer than what was read before, and with other records at the same offsets.
    await fixture.send(0, [...messages(2, 20), ...sent, ...messages(1, 5, 301)])
    const second = start()
    await untilCounted(550)
    await untilDrained(second)
    expect(await fixture.counted()).toBe(550)
    expect(await second.metric('analytics_log_rewinds_total')).toBe(1)
    expect(await second.metric('analytics_records_lost_total')).toBe(0)
  })

  it('are read on from the start of a log that is shorter than what was read', async () => {
    await fixture.send(0, messages(1, 10))
    const first = fixture.startConsumer()
    await untilCounted(100)
    await first[Symbol.asyncDispose]()
    await fixture.pool.query('UPDATE clicks.partitions SET next_offset = 5000 WHERE partition = 0')
    await fixture.send(0, messages(1, 10, 101))
    const second = start()
    await untilCounted(200)
    await untilDrained(second)
    expect(await fixture.counted()).toBe(200)
    expect(await second.metric('analytics_log_rewinds_total')).toBe(1)
  })

  it('that the log dropped before they were counted are a loss that is told', async () => {
    await fixture.send(0, messages(1, 10))
    const first = fixture.startConsumer()
    await untilCounted(100)
    await first[Symbol.asyncDispose]()
    await fixture.send(0, messages(1, 10, 101))
    const admin = fixture.kafka.admin()
    await admin.connect()
    await admin.fetchTopicMetadata({ topics: [fixture.topic] })
    await admin.deleteTopicRecords({
      topic: fixture.topic,
      partitions: [{ partition: 0, offset: '17' }],
    })
    await admin.disconnect()
    const second = start()
    await untilCounted(130)
    expect(await second.metric('analytics_records_lost_total')).toBe(7)
  })

  it('that the log drops while a consumer is at work are a loss that is told, and nothing starts over in silence', async () => {
    const holding = await fixture.pool.session()
    // The first fetch is in hand and cannot be applied; the second will begin where the log no longer is.
    await fixture.pool.query('INSERT INTO clicks.partitions (partition, next_offset) VALUES (0, 0)')
    await holding.query('BEGIN')
    await holding.query('SELECT 1 FROM clicks.partitions FOR UPDATE')
    // A fetch brings whole batches of a producer, so they are sent as small ones.
    for (let sent = 0; sent < 200; sent += 10) await fixture.send(0, messages(1, 10, 1 + sent * 10))
    const consumer = start()
    const waiting =
      "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    await eventually(async () => (await fixture.pool.query(waiting)).rowCount > 0, { withinMs })
    const admin = fixture.kafka.admin()
    await admin.connect()
    await admin.fetchTopicMetadata({ topics: [fixture.topic] })
    await admin.deleteTopicRecords({ topic: fixture.topic, partitions: [{ partition: 0, offset: '190' }] })
    await admin.disconnect()
    await holding.query('COMMIT')
    holding[Symbol.dispose]()
    await untilDrained(consumer)
    const lost = await consumer.metric('analytics_records_lost_total')
    expect(lost).toBeGreaterThan(0)
    expect((await fixture.counted()) + lost * 10).toBe(2_000)
  })

  it('are counted around a message that nobody can read', async () => {
    const hostile = [
      null,
      Buffer.from('not protobuf at all'),
      Buffer.alloc(100_000, 0x12),
      message(Buffer.alloc(16), []),
    ]
    await fixture.send(0, [...messages(1, 5), ...hostile, ...messages(1, 5, 51)])
    const consumer = start()
    await untilCounted(100)
    expect(await consumer.metric('analytics_dead_letters_total')).toBe(4)
    const { rows } = await fixture.pool.query(
      'SELECT record_offset, reason FROM clicks.dead_letters ORDER BY record_offset',
    )
    expect(rows).toEqual([
      { record_offset: 5, reason: 'empty' },
      { record_offset: 6, reason: 'undecodable' },
      { record_offset: 7, reason: 'undecodable' },
      { record_offset: 8, reason: 'empty' },
    ])
  })

  it('show until when they are counted, also where none arrive', async () => {
    const consumer = start()
    await untilDrained(consumer)
    const beforeMs = Date.now()
    const caughtUp = async () => {
      const { rows } = await fixture.pool.query<{ partitions: number; oldest: Date }>(
        'SELECT count(*)::int AS partitions, min(caught_up_at) AS oldest FROM clicks.progress',
      )
      return rows[0]?.partitions === 3 && rows[0].oldest.getTime() > beforeMs
    }
    await eventually(caughtUp, { withinMs })
  })
})
