import { clickBatchHeadBytes } from '@linkfleet/contracts/clicks'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Batch, Lane } from './lane.ts'

const keptBytes = 64 * 1024
const head = Buffer.from('a head of 18 bytes')
const lanesCount = 2

type Happening =
  | { readonly what: 'read'; readonly which: number; readonly lengths: readonly number[] }
  | { readonly what: 'send' | 'acknowledge' | 'fail' | 'release'; readonly which: number }

const which = fc.nat({ max: lanesCount - 1 })
const happenings: fc.Arbitrary<Happening[]> = fc.array(
  fc.oneof(
    fc.record({
      what: fc.constant('read' as const),
      which,
      lengths: fc.array(fc.integer({ min: 20, max: 2_048 }), { maxLength: 40 }),
    }),
    fc.record({ what: fc.constantFrom('send' as const, 'acknowledge', 'fail', 'release'), which }),
  ),
  { maxLength: 60, size: 'max' },
)

/** A lane, and what is known of it without looking. */
class WatchedLane {
  readonly lane = new Lane(0, 0, keptBytes, head)
  readonly #fill: number
  /** Frames that were appended and not acknowledged. */
  #waiting: Buffer[] = []
  #sequence = 0
  #offset = 0
  #sending: Batch | undefined

  constructor(fill: number) {
    this.#fill = fill
  }

  happen(happening: Happening): void {
    const { lane } = this
    if (happening.what === 'read') {
      for (const length of happening.lengths) this.#append(length)
      lane.endRun({ segment: 0, offset: this.#offset }, 0)
    } else if (happening.what === 'release') lane.release()
    else if (happening.what === 'send') {
      if (!lane.isReady(0, true)) return
      this.#sending = lane.next()
      lane.sending = true
    } else if (this.#sending !== undefined) {
      lane.sending = false
      if (happening.what === 'acknowledge') this.#settle(this.#sending)
      this.#sending = undefined
    }
  }

  #append(length: number): void {
    this.#sequence += 1
    const frame = Buffer.alloc(length, this.#sequence + this.#fill)
    this.lane.append(frame, this.#sequence)
    this.#waiting.push(Buffer.from(frame))
    // What was appended is a copy.
    frame.fill(0)
    this.#offset += length
  }

  #settle(batch: Batch): void {
    this.lane.settle(batch, 0)
    let left = batch.message.length - clickBatchHeadBytes
    this.#waiting = this.#waiting.filter((frame) => {
      left -= frame.length
      return left < 0
    })
  }

  check(): void {
    const { lane } = this
    const expected = Buffer.concat([head, ...this.#waiting])
    const isAsAppended = ({ message }: Batch) => message.equals(expected.subarray(0, message.length))
    if (this.#sending !== undefined) expect(isAsAppended(this.#sending)).toBe(true)
    if (lane.isReady(0, true)) expect(isAsAppended(lane.next())).toBe(true)
    expect(lane.bytes).toBe(expected.length - head.length)
    expect(lane.acknowledged).toBe(this.#sequence - this.#waiting.length)
  }
}

describe('a lane', () => {
  test('sends what was appended, byte for byte and in order, however it and others grow while a batch is on its way', () => {
    fc.assert(
      fc.property(happenings, (history) => {
        const lanes = Array.from({ length: lanesCount }, (_, index) => new WatchedLane(100 * index))
        for (const happening of history) {
          lanes[happening.which]!.happen(happening)
          for (const lane of lanes) lane.check()
        }
      }),
    )
  })

  const filled = (lane: Lane, bytes: number) => {
    for (let held = 0; held < bytes; held += 1_000) lane.append(Buffer.alloc(1_000), 1)
    lane.endRun({ segment: 0, offset: bytes }, 0)
    return lane.next()
  }

  test('copies nothing for a message, and uses its memory again', () => {
    const lane = new Lane(0, 0, keptBytes, head)
    // More than a buffer that Node cuts from its pool: two copies would not share memory.
    const bytes = Buffer.poolSize / 2 + 1
    const first = filled(lane, bytes)
    lane.settle(first, 0)
    const usesMemoryAgain = filled(lane, bytes).message.buffer === first.message.buffer
    expect(usesMemoryAgain).toBe(true)
  })

  test('keeps no more memory than it may once it holds nothing, and that of its head when it is released', () => {
    const lane = new Lane(0, 0, keptBytes, head)
    const memoryAfter = (bytes: number) => {
      lane.settle(filled(lane, bytes), 0)
      return lane.memoryBytes
    }
    expect(memoryAfter(20_000)).toBe(32 * 1024)
    expect(memoryAfter(100_000)).toBe(head.length)
    expect(memoryAfter(20_000)).toBe(32 * 1024)
    lane.release()
    expect(lane.memoryBytes).toBe(head.length)
  })
})
