import { ClickBatch, ClickKind, clickBatchBytesMax, type OrphanReason } from '@linkfleet/contracts/clicks'
import { Click } from '@linkfleet/contracts/generated/linkfleet/clicks/v1/clicks'
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

  describe('of a newer redirect', () => {
    // Field 99, of each wire type that proto3 writes: varint, 64 bits, bytes, 32 bits.
    const unknownFields = Buffer.concat(
      [
        [...key(99, 0), 7],
        [...key(99, 1), ...Buffer.alloc(8, 7)],
        [...key(99, 2), 3, 1, 2, 3],
        [...key(99, 5), 1, 2, 3, 4],
      ].map((bytes) => Buffer.from(bytes)),
    )

    it('with fields of a batch that are not known here is read all the same', () => {
      expect(read(Buffer.concat([message(producer, run(1, 2)), unknownFields]))).toEqual(
        read(message(producer, run(1, 2))),
      )
    })

    it('with fields of a click that are not known here is read all the same', () => {
      const older = read(message(producer, run(1, 2, { code: 'Zz9', referrerHost: 'example.com' })))
      if (older.kind !== 'clicks') throw new Error('It is readable.')
      const newer = older.clicks.map((one) =>
        Buffer.concat([unknownFields, Click.encode(one).finish(), unknownFields]),
      )
      expect(read(batchOf(newer))).toEqual(older)
    })
  })

  describe('of an older redirect', () => {
    const told = {
      country: 'DE',
      city: 'Kiel',
      referrerHost: 'example.com',
      userAgent: 'Wget',
      language: 'de',
    }
    const campaign = { utmSource: '', utmMedium: '', utmCampaign: '', utmTerm: '', utmContent: '' }

    it('which knew no campaigns is read with all that it told', () => {
      const value = batchOf([Buffer.concat([clickedOnce, ...Object.values(told).map(textOf)])])
      expect(read(value)).toMatchObject({ kind: 'clicks', clicks: [{ code: 'Zz9', ...told, ...campaign }] })
    })

    it('which told no more than what was clicked and when is read all the same', () => {
      const result = read(batchOf([clickedOnce]))
      if (result.kind !== 'clicks') throw new Error('It is readable.')
      const untold = { country: '', region: '', city: '', referrerHost: '', userAgent: '', language: '' }
      const { sequence, atMs, kind } = click()
      const known = { sequence, atMs, domainId: 1, code: 'Zz9', kind }
      expect(result.clicks[0]).toMatchObject({ ...known, ...untold, ...campaign })
      expect(result.clicks[0]?.visitor).toHaveLength(0)
    })
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

/** Fields 1 to 5 of a click. */
const clickedOnce = Buffer.concat([
  Buffer.from([...key(1, 0), 1, ...key(2, 0), ...varint(noon), ...key(3, 0), 1]),
  bytesField(4, 'Zz9'),
  Buffer.from([...key(5, 0), ClickKind.REDIRECT]),
])

/** The texts that came before the parameters of campaigns, in the order of `told`. */
function textOf(text: string, index: number): Buffer {
  return bytesField([8, 10, 11, 12, 13][index] ?? 0, text)
}

/** A batch of clicks in the bytes of another version. */
function batchOf(clicks: readonly Buffer[]): Buffer {
  return Buffer.concat([bytesField(1, producer), ...clicks.map((one) => bytesField(2, one))])
}

function key(field: number, wireType: number): Buffer {
  return Buffer.from(varint(field * 8 + wireType))
}

function bytesField(field: number, value: Uint8Array | string): Buffer {
  const content = Buffer.from(value)
  return Buffer.concat([key(field, 2), Buffer.from(varint(content.length)), content])
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))]
}

function encode(producerOfWrongLength: Uint8Array): Buffer {
  const { clicks } = ClickBatch.decode(message(producer, run(1, 1)))
  return Buffer.from(ClickBatch.encode({ producerId: Buffer.from(producerOfWrongLength), clicks }).finish())
}
