import { ClickBatch, clickBatchBytesMax } from '@linkfleet/contracts/clicks'
import { describe, expect, test } from 'vitest'
import { recordIn } from '../../testing/spool-record.ts'
import { type Checkpoint, emptyCheckpoint } from './checkpoint.ts'
import { segmentHeaderBytes } from './segment-format.ts'
import { RefusedForGoodError } from './send-batch.ts'
import { chunkBytes, SpoolSender, sentKeptMs } from './spool-sender.ts'

const partitionCount = 3
const producerId = Buffer.alloc(16, 1)

const recordOf = (sequence: number, partition: number, userAgent: string): Buffer =>
  recordIn(partition, sequence, { userAgent })

/** A disk, a topic and the marks of its readers, which crashes of the sender leave as they are. */
class World {
  nowMs = 1_000_000
  readonly segments = new Map<number, Buffer>()
  checkpoint: Checkpoint = emptyCheckpoint(partitionCount)
  readonly topic: { partition: number; value: Buffer }[] = []
  /** What each send does: acknowledged, lost on the way, arrived without the answer, or refused for good. */
  fate: (partition: number, value: Buffer) => 'ok' | 'lost' | 'unanswered' | 'refused' = () => 'ok'
  readonly setAside: Buffer[] = []
  readonly segmentsAside: number[] = []
  readonly inFlight = new Set<number>()
  failures = 0
  saveFails = false
  /** What happens before a read is answered. */
  whileReading: () => Promise<void> = async () => {}

  append(segment: number, records: readonly Buffer[]): number {
    const before = this.segments.get(segment) ?? Buffer.alloc(segmentHeaderBytes)
    const after = Buffer.concat([before, ...records])
    this.segments.set(segment, after)
    return after.length
  }

  /** What a process does that starts and finds this disk; the segment `open` may still grow. */
  startSender(open?: number): SpoolSender {
    const sender = new SpoolSender({
      producerId,
      partitionCount,
      checkpoint: this.checkpoint,
      chunk: Buffer.alloc(chunkBytes),
      monotonicClock: () => this.nowMs,
      random: () => 0.5,
      ports: {
        read: async (segment, offset, target) => {
          const bytes = this.segments.get(segment)
          if (bytes === undefined) throw new Error('no such segment')
          await this.whileReading()
          return bytes.subarray(offset).copy(target)
        },
        remove: async (segment) => void this.segments.delete(segment),
        setSegmentAside: async (segment) => {
          this.segmentsAside.push(segment)
          this.segments.delete(segment)
        },
        save: async (checkpoint) => {
          if (this.saveFails) throw new Error('disk full')
          this.checkpoint = checkpoint
        },
        setAside: async (_partition, frame) => void this.setAside.push(Buffer.from(frame)),
        failed: () => {
          this.failures += 1
        },
        send: async (partition, value) => {
          expect(this.inFlight.has(partition), 'one message in flight for each partition').toBe(false)
          expect(value.length).toBeLessThanOrEqual(clickBatchBytesMax)
          this.inFlight.add(partition)
          await new Promise(setImmediate)
          this.inFlight.delete(partition)
          const fate = this.fate(partition, value)
          if (fate === 'refused') throw new RefusedForGoodError('too large')
          if (fate === 'lost') throw new Error('lost')
          this.topic.push({ partition, value: Buffer.from(value) })
          if (fate === 'unanswered') throw new Error('no answer')
        },
      },
    })
    for (const [segment, bytes] of this.segments) sender.extend(segment, bytes.length, segment !== open)
    return sender
  }

  /** The sequences that readers with marks count, by partition, in the order in which they count them. */
  counted(): number[][] {
    const counted = Array.from({ length: partitionCount }, (): number[] => [])
    for (const { partition, value } of this.topic) {
      for (const { sequence } of ClickBatch.decode(value).clicks) {
        if (sequence > (counted[partition]!.at(-1) ?? 0)) counted[partition]!.push(sequence)
      }
    }
    return counted
  }

  async run(sender: SpoolSender, steps = 40): Promise<void> {
    for (let step = 0; step < steps && sender.unsentBytes > 0; step += 1) {
      await sender.step(true)
      await sender.settled()
      this.nowMs += 4_000
    }
  }
}

/** `clicks` records spread over partitions and segments. */
function fill(world: World, clicks: number, perSegment: number, userAgent = 'agent'): number[][] {
  const expected = Array.from({ length: partitionCount }, (): number[] => [])
  for (let first = 1; first <= clicks; first += perSegment) {
    const records: Buffer[] = []
    for (let sequence = first; sequence <= Math.min(clicks, first + perSegment - 1); sequence += 1) {
      const partition = (Math.imul(sequence, 0x9e3779b1) >>> 16) % partitionCount
      records.push(recordOf(sequence, partition, userAgent))
      expected[partition]!.push(sequence)
    }
    world.append(Math.ceil(first / perSegment), records)
  }
  return expected
}

describe('the sender of a spool', () => {
  test('sends every click once, each partition in order, and clears away after its time', async () => {
    const world = new World()
    const expected = fill(world, 500, 120)
    const sender = world.startSender()
    expect(sender.unsentBytes).toBeGreaterThan(0)
    await world.run(sender)
    expect(world.counted()).toEqual(expected)
    expect(sender.sentMessages).toBe(world.topic.length)
    expect(sender.unsentBytes).toBe(0)
    await sender.step()
    world.nowMs += sentKeptMs - 1
    await sender.step()
    expect(world.segments.size).toBe(5)
    world.nowMs += 1
    await sender.step()
    expect(world.segments.size).toBe(0)
    expect(sender.isEmpty).toBe(true)
  })

  test('messages stay below their bound however much waits', async () => {
    const world = new World()
    const expected = fill(world, 4_000, 2_000, 'x'.repeat(512))
    await world.run(world.startSender(), 200)
    expect(world.counted()).toEqual(expected)
  })

  test('a partition whose leader is away keeps no other one waiting', async () => {
    const world = new World()
    const expected = fill(world, 9_000, 3_000, 'x'.repeat(400))
    world.fate = (partition) => (partition === 1 ? 'lost' : 'ok')
    const sender = world.startSender()
    await world.run(sender, 60)
    expect(world.counted()[0]).toEqual(expected[0])
    expect(world.counted()[1]).toEqual([])
    expect(world.counted()[2]).toEqual(expected[2])
    expect(sender.unsentBytes).toBeGreaterThan(0)
    world.nowMs += sentKeptMs * 2
    await sender.step()
    expect(world.segments.has(1), 'a segment with unsent clicks stays').toBe(true)
    world.fate = () => 'ok'
    await world.run(sender, 200)
    expect(world.counted()).toEqual(expected)
  })

  test('what was acknowledged is not sent again by the next start, what was not is', async () => {
    const world = new World()
    fill(world, 100, 1_000)
    world.fate = (partition) => (partition === 2 ? 'lost' : 'ok')
    await world.run(world.startSender(), 3)
    const before = world.topic.length
    world.fate = () => 'ok'
    await world.run(world.startSender())
    expect(world.topic.slice(before).every(({ partition }) => partition === 2)).toBe(true)
  })

  test('what is acknowledged while the disk keeps a step waiting stays for its time too', async () => {
    const world = new World()
    world.append(1, [recordOf(1, 0, 'a')])
    world.append(2, [])
    const sender = world.startSender(2)
    await sender.step(true)
    sender.extend(2, world.append(2, [recordOf(2, 0, 'a')]), false)
    world.whileReading = async () => {
      await sender.settled()
      world.nowMs += sentKeptMs
    }
    await sender.step(true)
    await sender.settled()
    await sender.step(true)
    expect([...world.segments.keys()]).toEqual([1, 2])
    world.nowMs += sentKeptMs
    await sender.step(true)
    expect([...world.segments.keys()]).toEqual([2])
  })

  test('a segment grows while it is read; what is not said to be there is not read', async () => {
    const world = new World()
    const sender = world.startSender()
    const first = recordOf(1, 0, 'a')
    const bytes = world.append(1, [first])
    world.append(1, [recordOf(2, 0, 'b').subarray(0, 9)])
    sender.extend(1, bytes, false)
    await world.run(sender)
    expect(world.counted()[0]).toEqual([1])
    expect(sender.damagedBytes).toBe(0)
    world.segments.set(1, world.segments.get(1)!.subarray(0, bytes))
    sender.extend(1, world.append(1, [recordOf(2, 0, 'b')]), false)
    await world.run(sender)
    expect(world.counted()[0]).toEqual([1, 2])
  })

  test('a file that lost its end with the power is sent as far as it goes', async () => {
    const world = new World()
    fill(world, 30, 1_000)
    const sender = world.startSender()
    world.segments.set(1, world.segments.get(1)!.subarray(0, segmentHeaderBytes + 100))
    await world.run(sender)
    expect(sender.unsentBytes).toBe(0)
    expect(world.counted().flat().length).toBeLessThan(30)
  })

  test('a message refused for good is split down to the click to blame, which is set aside', async () => {
    const world = new World()
    const expected = fill(world, 60, 1_000)
    const hasPoison = (value: Buffer) =>
      ClickBatch.decode(value).clicks.some(({ sequence }) => sequence === 17)
    world.fate = (_partition, value) => (hasPoison(value) ? 'refused' : 'ok')
    const sender = world.startSender()
    await world.run(sender)
    expect(world.counted()).toEqual(expected.map((own) => own.filter((sequence) => sequence !== 17)))
    expect(world.setAside).toHaveLength(1)
    expect(sender.setAsideClicks).toBe(1)
    expect(sender.unsentBytes).toBe(0)
  })

  test('a disk that takes no checkpoint does not keep what was sent: removing it is what makes room', async () => {
    const world = new World()
    const expected = fill(world, 30, 10)
    world.saveFails = true
    const sender = world.startSender()
    await world.run(sender)
    await sender.step(true, 0)
    expect(world.segments.size).toBe(0)
    // What the next start finds is sent once more, and counted once.
    fill(world, 30, 10)
    await world.run(world.startSender())
    expect(world.counted()).toEqual(expected)
  })

  test('a damaged record costs itself alone, is counted once, and its segment is set aside', async () => {
    const world = new World()
    const expected = fill(world, 300, 100)
    const bytes = Buffer.from(world.segments.get(2)!)
    bytes[bytes.length >>> 1]! ^= 1
    world.segments.set(2, bytes)
    // Lanes that wait read the same bytes later, by themselves.
    world.fate = (partition) => (partition === 1 ? 'lost' : 'ok')
    const sender = world.startSender()
    await world.run(sender, 20)
    world.fate = () => 'ok'
    await world.run(sender)
    expect(world.counted().flat()).toHaveLength(expected.flat().length - 1)
    expect(sender.damagedBytes).toBe(recordOf(150, 0, 'agent').length)
    await sender.step(true, 0)
    expect(world.segmentsAside).toEqual([2])
    expect(world.segments.size).toBe(0)
    expect(sender.damagedBytes).toBe(recordOf(150, 0, 'agent').length)
  })

  test('a torn end is what a crash leaves of the last segment; before another segment it is damage', async () => {
    const world = new World()
    fill(world, 30, 10)
    for (const segment of [2, 3]) world.segments.set(segment, world.segments.get(segment)!.subarray(0, -5))
    const sender = world.startSender()
    await world.run(sender)
    await sender.step(true, 0)
    expect(world.segmentsAside).toEqual([2])
    expect(sender.damagedBytes).toBe(recordOf(20, 0, 'agent').length - 5)
    expect(world.counted().flat()).toHaveLength(28)
  })
})
