/**
 * The exactly-once protocol against a hostile world: a log that repeats itself and is made anew, deliveries of any
 * part of it at any time to several followers that all believe they own the partition, transactions that fail
 * before or after their commit. Whatever happens, once the last follower reads in peace every click that is in the
 * log, or was counted before, counts once.
 */
import { silentLogger } from '@linkfleet/runtime/log'
import { Metrics } from '@linkfleet/runtime/metrics'
import { eventually } from '@linkfleet/testkit/eventually'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ClickRecord } from '../../domain/batch-plan.ts'
import { BatchSize, clicksPerBatchAtFirst } from '../../domain/batch-size.ts'
import { createEvents } from '../../events.ts'
import { ClickStoreMemory, type Mishap } from '../../testing/click-store-memory.ts'
import { click, message, noon, producerId, record, run } from '../../testing/clicks.ts'
import { PartitionFollower } from './partition-follower.ts'

const partition = 0

/** A follower and what its connection shows it: the log as it was when the partition was assigned, and its growth. */
interface Reader {
  readonly follower: PartitionFollower
  readonly log: readonly ClickRecord[]
  resumedAt: number | undefined
}

class World {
  readonly store = new ClickStoreMemory(noon)
  readonly sentByProducer = new Map<number, number>()
  readonly metrics = new Metrics('analytics')
  readonly #events = createEvents(silentLogger(), this.metrics)
  readonly #batchSize = new BatchSize()
  #log: ClickRecord[] = []
  #life = 0
  followers: Reader[] = []

  send(producer: number, clicks: number): void {
    const sent = this.sentByProducer.get(producer) ?? 0
    this.#append(message(producerId(producer), run(sent + 1, sent + clicks, { code: `p${producer}` })))
    this.sentByProducer.set(producer, sent + clicks)
  }

  /** A producer that did not hear the acknowledgement sends everything since its checkpoint again. */
  sendAgain(producer: number, since: number): void {
    const sent = this.sentByProducer.get(producer) ?? 0
    const first = Math.min(since + 1, sent)
    if (sent > 0) this.#append(message(producerId(producer), run(first, sent, { code: `p${producer}` })))
  }

  #append(value: Buffer): void {
    this.sendMessage(value, noon + this.#life)
  }

  sendMessage(value: Buffer, timestampMs: number): void {
    this.#log.push(record(this.#log.length, value, timestampMs))
  }

  /**
   * The topic is made anew, a new producer is the first in it, and every other one sends its whole spool again.
   * Whoever read the former log gets an error from Kafka and joins anew before it sees this one; until then it may
   * have records of the former one in hand.
   */
  recreateLog(): void {
    this.#life++
    this.#log = []
    const producers = [...this.sentByProducer.keys()]
    for (let clicks = 0; clicks < 3; clicks++) this.send(100 + this.#life, 1)
    for (const producer of producers) this.sendAgain(producer, 0)
  }

  assign(): void {
    const log = this.#log
    const follower = new PartitionFollower(partition, {
      store: this.store,
      log: { ends: async () => new Map([[partition, { low: 0, high: log.length }]]) },
      delivery: {
        pause: () => {
          reader.resumedAt = undefined
        },
        resumeAt: (_partition, offset) => {
          reader.resumedAt = offset
        },
      },
      events: this.#events,
      batchSize: this.#batchSize,
      now: () => noon,
    })
    const reader: Reader = { follower, log, resumedAt: undefined }
    this.followers.push(reader)
    follower.start()
  }

  /** One follower, delivered to as Kafka would, until it has read everything. */
  async readInPeace(lastMishap: Mishap): Promise<void> {
    for (const { follower } of this.followers) follower.stop()
    // One transaction more fails, so that the follower has to find its way back by itself.
    this.store.mishaps.splice(0, Number.POSITIVE_INFINITY, 'none', lastMishap)
    this.followers = []
    this.assign()
    const [entry] = this.followers
    if (entry === undefined) throw new Error('There is a follower.')
    let next: number | undefined
    await eventually(
      async () => {
        if (next === undefined || entry.resumedAt !== undefined) next = entry.resumedAt
        entry.resumedAt = undefined
        if (next === undefined) return false
        if (next >= this.#log.length) return true
        const applied = await entry.follower.arrived(entry.log.slice(next, next + 3), next)
        next = applied === undefined ? undefined : applied + 1
        return next !== undefined && next >= this.#log.length
      },
      { everyMs: 0 },
    )
    entry.follower.stop()
  }
}

type Step = (world: World) => Promise<void> | void

const producers = fc.integer({ min: 1, max: 3 })
const mishap = fc.constantFrom<Mishap>('refused', 'answer-lost')
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.tuple(producers, fc.integer({ min: 1, max: 5 })).map(
      ([producer, clicks]): Step =>
        (world) =>
          world.send(producer, clicks),
    ),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(producers, fc.nat(20)).map(
      ([producer, since]): Step =>
        (world) =>
          world.sendAgain(producer, since),
    ),
  },
  { weight: 2, arbitrary: fc.constant<Step>((world) => world.assign()) },
  { weight: 1, arbitrary: fc.constant<Step>((world) => world.recreateLog()) },
  {
    weight: 3,
    arbitrary: fc.constantFrom<Mishap>('refused', 'answer-lost').map(
      (mishap): Step =>
        (world) => {
          world.store.mishaps.push('none', mishap)
        },
    ),
  },
  {
    weight: 10,
    // To any follower, from where it asked or from anywhere, awaited or still under way when the next step comes.
    arbitrary: fc
      .record({
        who: fc.nat(3),
        from: fc.option(fc.nat(30)),
        count: fc.integer({ min: 1, max: 6 }),
        wait: fc.boolean(),
      })
      .map(
        ({ who, from, count, wait }): Step =>
          async (world) => {
            const entry = world.followers[who % Math.max(1, world.followers.length)]
            if (entry === undefined) return
            const offset = from ?? entry.resumedAt
            if (offset === undefined) return
            const arriving = entry.follower.arrived(entry.log.slice(offset, offset + count), offset)
            if (wait) await arriving
          },
      ),
  },
  { weight: 4, arbitrary: fc.constant<Step>(() => new Promise((resolve) => setImmediate(resolve))) },
)

describe('a partition that is followed', () => {
  it('applies a large delivery in parts, tells between them that it lives, and stops when the group moved on', async () => {
    const clicksEach = 2_500
    const messages = 24
    const world = new World()
    for (let sent = 0; sent < messages; sent++) world.send(1, clicksEach)
    world.assign()
    const [{ follower, log }] = world.followers as [Reader]
    await eventually(() => world.followers[0]?.resumedAt === 0)
    let alive = 0
    const upTo = await follower.arrived(log, 0, async () => {
      alive += 1
      if (alive === 2) throw new Error('The group is rebalancing.')
    })
    expect([upTo, alive]).toEqual([undefined, 2])
    expect(world.store.counts.get('p1')).toBe(clicksPerBatchAtFirst + 2 * clicksPerBatchAtFirst)
    await world.readInPeace('none')
    expect(world.store.counts.get('p1')).toBe(messages * clicksEach)
  })

  it('gets through with a database that can only do small transactions in time', async () => {
    const world = new World()
    world.store.clicksMax = 700
    for (let sent = 0; sent < 20; sent++) world.send(1, 500)
    await world.readInPeace('none')
    expect(world.store.counts.get('p1')).toBe(10_000)
  })

  it('is not said to lag by clicks that are refused or come again, however old they are', async () => {
    const world = new World()
    const ancient = click({ sequence: 1, atMs: Date.UTC(2020, 5) })
    world.sendMessage(
      message(producerId(1), [ancient, click({ sequence: 2, atMs: noon - 2_000 })]),
      noon - 500,
    )
    // A segment that is sent again, by a producer that gives no times.
    world.sendMessage(message(producerId(1), run(2, 2, { atMs: noon - 7 * 86_400_000 })), 0)
    world.assign()
    const [{ follower, log }] = world.followers as [Reader]
    await eventually(() => world.followers[0]?.resumedAt === 0)
    for (const [offset] of log.entries()) {
      const arriving = follower.arrived(log.slice(offset, offset + 1), offset)
      expect(follower.progress.inHandOldestMs).toBe(noon - 500)
      await arriving
      expect(follower.progress.inHandOldestMs).toBeUndefined()
    }
    const visible = await world.metrics.registry.getSingleMetric('analytics_click_visible_seconds')?.get()
    const valueAt = (end: string) =>
      visible?.values.find((one) => (one as { metricName?: string }).metricName?.endsWith(end))?.value
    expect([valueAt('_count'), valueAt('_sum')]).toEqual([1, 2])
  })

  it('counts every click exactly once, whatever the world does', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 60 }), mishap, async (steps, lastMishap) => {
        const world = new World()
        world.assign()
        for (const act of steps) await act(world)
        await world.readInPeace(lastMishap)
        for (const [producer, sent] of world.sentByProducer) {
          expect(world.store.counts.get(`p${producer}`) ?? 0).toBe(sent)
        }
      }),
      { numRuns: 300 },
    )
  })
})
