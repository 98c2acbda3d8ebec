import { clickBatchHeadBytes } from '@linkfleet/contracts/clicks'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Lane } from './lane.ts'

const keptBytes = 64 * 1024
const head = Buffer.from('a head of 18 bytes')

type Happening =
  | { readonly what: 'read'; readonly lengths: readonly number[] }
  | { readonly what: 'send' | 'acknowledge' | 'fail' | 'release' }

const happenings: fc.Arbitrary<Happening[]> = fc.array(
  fc.oneof(
    fc.record({
      what: fc.constant('read' as const),
      lengths: fc.array(fc.integer({ min: 20, max: 2_048 }), { maxLength: 40 }),
    }),
    fc.record({ what: fc.constantFrom('send' as const, 'acknowledge', 'fail', 'release') }),
  ),
  { maxLength: 60, size: 'max' },
)

describe('a lane', () => {
  test('sends what was appended, byte for byte and in order, however it grows while a batch is on its way', () => {
    fc.assert(
      fc.property(happenings, (history) => {
        const lane = new Lane(0, 0, keptBytes, head)
        /** Frames that were appended and not acknowledged. */
        let waiting: Buffer[] = []
        let sequence = 0
        let offset = 0
        let sending: ReturnType<Lane['next']> | undefined
        const isAsAppended = (message: Buffer) =>
          message.equals(Buffer.concat([head, ...waiting]).subarray(0, message.length))
        for (const happening of history) {
          if (happening.what === 'read') {
            for (const length of happening.lengths) {
              sequence += 1
              const frame = Buffer.alloc(length, sequence)
              lane.append(frame, sequence)
              waiting.push(Buffer.from(frame))
              // What was appended is a copy.
              frame.fill(0)
              offset += length
            }
            lane.endRun({ segment: 0, offset }, 0)
          } else if (happening.what === 'release') lane.release()
          else if (happening.what === 'send' && lane.isReady(0, true)) {
            sending = lane.next()
            lane.sending = true
          } else if (happening.what !== 'send' && sending !== undefined) {
            lane.sending = false
            if (happening.what === 'acknowledge') {
              lane.settle(sending, 0)
              let left = sending.message.length - clickBatchHeadBytes
              waiting = waiting.filter((frame) => {
                left -= frame.length
                return left < 0
              })
              expect(lane.acknowledged).toBe(sequence - waiting.length)
            }
            sending = undefined
          }
          if (sending !== undefined) expect(isAsAppended(sending.message)).toBe(true)
          expect(lane.bytes).toBe(waiting.reduce((sum, { length }) => sum + length, 0))
          if (lane.isReady(0, true)) expect(isAsAppended(lane.next().message)).toBe(true)
        }
      }),
    )
  })

  test('keeps no more memory than it may once it holds nothing, and that of its head when it is released', () => {
    const lane = new Lane(0, 0, keptBytes, head)
    const memoryAfter = (bytes: number) => {
      for (let held = 0; held < bytes; held += 1_000) lane.append(Buffer.alloc(1_000), 1)
      lane.endRun({ segment: 0, offset: bytes }, 0)
      lane.settle(lane.next(), 0)
      return lane.memoryBytes
    }
    expect(memoryAfter(20_000)).toBe(32 * 1024)
    expect(memoryAfter(100_000)).toBe(head.length)
    expect(memoryAfter(20_000)).toBe(32 * 1024)
    lane.release()
    expect(lane.memoryBytes).toBe(head.length)
  })
})
