import type { Kafka } from '@linkfleet/runtime/kafka'
import { silentLogger } from '@linkfleet/runtime/log'
import { Metrics } from '@linkfleet/runtime/metrics'
import { eventually } from '@linkfleet/testkit/eventually'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { createEvents, exposeProgress } from '../../events.ts'
import { ClickStoreMemory } from '../../testing/click-store-memory.ts'
import { type ClickConsumer, startClickConsumer } from './click-consumer-kafka.ts'

type Listener = (event: { payload: object }) => void

let nowMs: number
let isAway: boolean
/** How often the log's ends were asked for. */
let looks: number
let listeners: Map<string, Listener>
let consumer: ClickConsumer
let metrics: Metrics

/** A broker without records, whose group forms when the test says so. */
const kafka = {
  admin: () => ({
    connect: async () => {
      if (isAway) throw new Error('Kafka is away')
    },
    disconnect: async () => {},
    listTopics: async () => ['clicks'],
    describeConfigs: async () => ({ resources: [] }),
    fetchTopicMetadata: async () => ({ topics: [{ name: 'clicks', partitions: [{}] }] }),
    fetchTopicOffsets: async () => {
      looks++
      return [{ partition: 0, low: '0', high: '0' }]
    },
  }),
  consumer: () => ({
    events: { CRASH: 'crash', GROUP_JOIN: 'join' },
    on: (event: string, listener: Listener) => listeners.set(event, listener),
    connect: async () => {},
    subscribe: async () => {},
    run: async () => {},
    pause: () => {},
    resume: () => {},
    seek: () => {},
    disconnect: async () => {},
  }),
} as unknown as Kafka

beforeEach(() => {
  nowMs = 1_000_000
  isAway = false
  looks = 0
  listeners = new Map()
  metrics = new Metrics('analytics')
})

afterEach(async () => await consumer[Symbol.asyncDispose]())

function start(): void {
  const events = createEvents(silentLogger(), metrics)
  const now = () => nowMs
  const group = { groupId: 'group', concurrency: 1, fetchBytesMax: 1_024, sessionTimeoutMs: 6_000 }
  const store = new ClickStoreMemory(nowMs)
  consumer = startClickConsumer({ kafka, topic: 'clicks', partitions: 1, ...group, store, events, now })
  exposeProgress(metrics, consumer, now)
}

async function age(): Promise<number | undefined> {
  const gauge = metrics.registry.getSingleMetric('analytics_oldest_unapplied_click_age_seconds')
  return (await gauge?.get())?.values[0]?.value
}

const joined = (partitions: number[]) =>
  listeners.get('join')?.({ payload: { memberAssignment: { clicks: partitions } } })
const crashed = (restart = true) =>
  listeners.get('crash')?.({ payload: { error: new Error('crashed'), restart } })

it('clicks grow old from the start on while Kafka is away', async () => {
  isAway = true
  start()
  await eventually(() => consumer.state() === 'Kafka is away')
  nowMs += 30_000
  expect(await age()).toBe(30)
})

it('clicks grow old while the group does not form, and after a crash, though Kafka answers', async () => {
  start()
  await eventually(() => consumer.state() === 'up')
  nowMs += 20_000
  expect(await age()).toBe(20)
  joined([])
  nowMs += 60_000
  expect(await age()).toBe(0)
  crashed()
  nowMs += 7_000
  expect(await age()).toBe(7)
})

it('a consumer that ended for good is not up until it has run a while, though Kafka answers its successor', async () => {
  start()
  await eventually(() => consumer.state() === 'up')
  crashed(false)
  expect(consumer.state()).toBe('crashed')
  const looksBefore = looks
  await eventually(() => looks >= looksBefore + 2, { withinMs: 20_000 })
  joined([0])
  expect(consumer.state()).toBe('crashed')
  nowMs += 30_000
  await eventually(() => consumer.state() === 'up')
})

it('a crash does not forget how far its partitions were behind', async () => {
  start()
  await eventually(() => consumer.state() === 'up')
  joined([0])
  // Nobody has said for this long how far the log reaches, so it is taken to hold clicks.
  nowMs += 8_000
  crashed()
  expect(await age()).toBe(8)
  nowMs += 1_000
  expect(await age()).toBe(9)
})
