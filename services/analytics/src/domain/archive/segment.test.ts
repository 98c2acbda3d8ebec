import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readArchiveKeys } from './archive-key.ts'
import { type ArchivedBatch, decodeRecords, encodeRecords } from './batch-codec.ts'
import { nameOf, openSegment, sealSegment } from './segment.ts'

const records = [
  { offset: 7, timestampMs: 1_750_000_000_000, value: Buffer.from('clicks') },
  { offset: 9, timestampMs: 1_750_000_000_001, value: null },
  { offset: 10, timestampMs: 0, value: Buffer.alloc(0) },
]
const batches: ArchivedBatch[] = [1, 2, 3].map((place) => ({
  place,
  fromOffset: place * 4,
  nextOffset: place * 4 + 4,
  appliedAtMs: 1_750_000_000_000 + place,
  clicks: place,
  records: encodeRecords(records),
}))
const [key] = readArchiveKeys(randomBytes(32).toString('hex'))
const [otherKey] = readArchiveKeys(randomBytes(32).toString('base64'))
if (key === undefined || otherKey === undefined) throw new Error('There are keys.')

describe('records', () => {
  it('come out as they went in, with and without values', () => {
    expect(decodeRecords(encodeRecords(records))).toEqual(records)
  })

  it('of any content come out as they went in, and cut off they are refused', () => {
    const record = fc.record({
      offset: fc.nat(),
      timestampMs: fc.nat(),
      value: fc.option(fc.uint8Array({ maxLength: 50 }).map((bytes) => Buffer.from(bytes))),
    })
    fc.assert(
      fc.property(fc.array(record, { minLength: 1 }), (written) => {
        const bytes = encodeRecords(written)
        expect(decodeRecords(bytes)).toEqual(written)
        expect(() => decodeRecords(bytes.subarray(0, -1))).toThrow('early')
      }),
    )
  })
})

describe.each([
  ['in the clear', undefined],
  ['encrypted', key],
])('a segment %s', (_what, sealing) => {
  it('gives back its batches', async () => {
    const { name, content } = await sealSegment(5, batches, sealing)
    expect(name).toBe(nameOf(content))
    expect(await openSegment(name, content, 5, [otherKey, key])).toEqual(batches)
  })

  it('with one bit changed anywhere, or cut off anywhere, is named as damaged', async () => {
    const { name, content } = await sealSegment(5, batches, sealing)
    for (let at = 0; at < content.length; at++) {
      const flipped = Buffer.from(content)
      flipped.writeUInt8(flipped.readUInt8(at) ^ 0x10, at)
      await expect(openSegment(name, flipped, 5, [key])).rejects.toThrow(`Segment ${name} is damaged`)
      await expect(openSegment(name, content.subarray(0, at), 5, [key])).rejects.toThrow(name)
    }
  })

  it('of another partition is refused', async () => {
    const { name, content } = await sealSegment(5, batches, sealing)
    await expect(openSegment(name, content, 6, [key])).rejects.toThrow('is of partition 5, not of 6')
  })
})

it('segments in the clear are the same for the same batches', async () => {
  expect(await sealSegment(5, batches, undefined)).toEqual(await sealSegment(5, batches, undefined))
})

describe('an encrypted segment', () => {
  it('shows nothing of its content and never uses a nonce twice', async () => {
    const [one, two] = [await sealSegment(5, batches, key), await sealSegment(5, batches, key)]
    expect(one.content).not.toEqual(two.content)
    expect(one.content.includes('clicks')).toBe(false)
  })

  it('without its key is refused, and the key that is missing is told', async () => {
    const { name, content } = await sealSegment(5, batches, key)
    await expect(openSegment(name, content, 5, [otherKey])).rejects.toThrow(`the key ${key.id}`)
  })

  it('whose header was changed under a name that fits is refused', async () => {
    const { content } = await sealSegment(5, batches, key)
    const forged = Buffer.from(content.toString('latin1').replace('"partition":5', '"partition":6'), 'latin1')
    expect(forged.equals(content)).toBe(false)
    await expect(openSegment(nameOf(forged), forged, 6, [key])).rejects.toThrow('cannot be decrypted')
  })
})

it.each([
  ['nothing', Buffer.alloc(0)],
  ['another file', Buffer.from('%PDF-1.7 this is no segment')],
  ['a header that is too long', Buffer.from('LFCA\u0001\u0000\u0000\u00ff\u00ff{}')],
])('%s under a name that fits is refused by name', async (_what, content) => {
  await expect(openSegment(nameOf(content), content, 5, [])).rejects.toThrow(nameOf(content))
})
