import { ClickBatch, ClickKind, clickBatchBytesMax, type OrphanReason } from '@linkfleet/contracts/clicks'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { click, message, noon, producerId, run } from '../testing/clicks.ts'
import { readClickMessage } from './click-message.ts'

const producer = producerId(7)
const read = (value: Buffer | null) => readClickMessage(value, noon)

describe('a message of clicks', () => {
  it('is read as redirect wrote it', () => {
    const result = read(message(producer, run(3, 5, { code: 'Zz9', referrerHost: 'example.com' })))
    expect(result).toMatchObject({ kind: 'clicks', producer: producer.toString('hex') })
    if (result.kind !== 'clicks') throw new Error('It is readable.')
    expect(result.clicks.map(({ sequence }) => sequence)).toEqual([3, 4, 5])
    expect(result.clicks[0]).toMatchObject({ code: 'Zz9', atMs: noon, referrerHost: 'example.com' })
  })

  it('of a newer redirect, with fields that are not known here, is read all the same', () => {
    const unknownField = Buffer.from([0x7a, 0x03, 1, 2, 3])
    expect(read(Buffer.concat([message(producer, run(1, 2)), unknownField]))).toMatchObject({
      kind: 'clicks',
    })
  })

  it('of an older redirect, which told less of a click, is read all the same', () => {
    const told = { sequence: 1, atMs: noon, domainId: 1, code: 'Zz9', kind: ClickKind.REDIRECT }
    const code = Buffer.from(told.code)
    // Fields 1 to 5 of a click, and nothing of what came later.
    const fields = Buffer.from([8, 1, 16, ...varint(noon), 24, 1, 34, code.length, ...code, 40, told.kind])
    const value = Buffer.from([10, producer.length, ...producer, 18, fields.length, ...fields])
    const result = read(value)
    if (result.kind !== 'clicks') throw new Error('It is readable.')
    expect(result.clicks[0]).toMatchObject({ ...told, country: '', region: '', city: '', utmSource: '' })
    expect(result.clicks[0]?.visitor).toHaveLength(0)
  })

  it.each([
    ['nothing', null, 'empty'],
    ['no bytes', Buffer.alloc(0), 'empty'],
    ['no clicks', message(producer, []), 'empty'],
    ['more bytes than redirect sends', Buffer.alloc(clickBatchBytesMax + 1), 'too-large'],
    ['a text', Buffer.from('not protobuf at all'), 'undecodable'],
    ['a message cut short', message(producer, run(1, 9)).subarray(0, 100), 'undecodable'],
    ['a producer of 15 bytes', encode(producer.subarray(1)), 'producer'],
    ['sequences that stand still', message(producer, [click(), click()]), 'sequence'],
    ['a sequence of 0', message(producer, [click({ sequence: 0 })]), 'sequence'],
    ['an unknown kind', message(producer, [click({ kind: 9 as never })]), 'click'],
    ['no code', message(producer, [click({ code: '' })]), 'click'],
    ['a code with a NUL', message(producer, [click({ code: 'a\0b' })]), 'click'],
    ['domain 0', message(producer, [click({ domainId: 0 })]), 'click'],
    ['a domain above int32', message(producer, [click({ domainId: 2 ** 31 })]), 'click'],
    ['a reason above smallint', message(producer, [click(orphanFor(2 ** 15))]), 'click'],
    ['the greatest reason of int32', message(producer, [click(orphanFor(2 ** 31 - 1))]), 'click'],
    ['a reason under 0', withReasonUnderZero(), 'click'],
    ['a sequence above 2^53', message(producer, [click({ sequence: 2 ** 53 })]), 'undecodable'],
    ['a moment above 2^53', message(producer, [click({ atMs: 2 ** 53 })]), 'undecodable'],
    ['a clock two days ahead', message(producer, [click({ atMs: noon + 2 * 86_400_000 })]), 'click'],
    ['a click before there was linkfleet', message(producer, [click({ atMs: 1 })]), 'click'],
  ])('with %s is set aside', (_what, value, reason) => {
    expect(read(value)).toMatchObject({ kind: 'poison', reason })
  })

  it.each([7, 2 ** 15 - 1])('with reason %i of a later version is read', (reason) => {
    const result = read(message(producer, [click(orphanFor(reason))]))
    expect(result).toMatchObject({ kind: 'clicks', clicks: [{ orphanReason: reason }] })
  })

  it('with one bad click says how far its sequences go', () => {
    expect(read(message(producer, [...run(1, 3), click({ sequence: 4, code: '' })]))).toEqual({
      kind: 'poison',
      reason: 'click',
      origin: { producer: producer.toString('hex'), lastSequence: 4 },
    })
  })

  it('never throws, whatever the bytes are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        expect(['clicks', 'poison']).toContain(read(Buffer.from(bytes)).kind)
      }),
      { numRuns: 2_000 },
    )
  })
})

function orphanFor(reason: number) {
  return { kind: ClickKind.ORPHAN, orphanReason: reason as OrphanReason }
}

/** Redirect's encoder knows no negative number. */
function withReasonUnderZero(): Buffer {
  const { clicks } = ClickBatch.decode(message(producer, [click(orphanFor(1))]))
  const changed = clicks.map((one) => ({ ...one, orphanReason: -1 as OrphanReason }))
  return Buffer.from(ClickBatch.encode({ producerId: producer, clicks: changed }).finish())
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))]
}

function encode(producerOfWrongLength: Uint8Array): Buffer {
  const { clicks } = ClickBatch.decode(message(producer, run(1, 1)))
  return Buffer.from(ClickBatch.encode({ producerId: Buffer.from(producerOfWrongLength), clicks }).finish())
}
