import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  type ClickFields,
  ClickKind,
  clickBatchHeadBytes,
  clickRecordBytesMax,
  codeBytesMax,
  encodeClickRecord,
  frameClickBatch,
  languageBytesMax,
  OrphanReason,
  placeBytesMax,
  referrerHostBytesMax,
  userAgentBytesMax,
  utmBytesMax,
} from './clicks.ts'
import { Click, ClickBatch } from './generated/linkfleet/clicks/v1/clicks.ts'
import { plainClick } from './testing/clicks.ts'

const producerId = Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex')

/** Cuts as the contract says: at most so many bytes, never inside a character. */
function cut(text: string, bytesMax: number): string {
  let bytes = 0
  let kept = ''
  for (const character of text) {
    bytes += Buffer.byteLength(character)
    if (bytes > bytesMax) break
    kept += character
  }
  return kept
}

function generated(click: ClickFields): Buffer {
  const whole: Click = {
    sequence: click.sequence,
    atMs: click.atMs,
    domainId: click.domainId,
    code: cut(click.code, codeBytesMax),
    kind: click.kind,
    orphanReason: click.orphanReason,
    visitor: Buffer.from(click.visitor ?? []),
    country: cut(click.country, placeBytesMax),
    region: cut(click.region, placeBytesMax),
    city: cut(click.city, placeBytesMax),
    referrerHost: cut(click.referrerHost, referrerHostBytesMax),
    userAgent: cut(click.userAgent, userAgentBytesMax),
    language: cut(click.language, languageBytesMax),
    utmSource: cut(click.utm?.source ?? '', utmBytesMax),
    utmMedium: cut(click.utm?.medium ?? '', utmBytesMax),
    utmCampaign: cut(click.utm?.campaign ?? '', utmBytesMax),
    utmTerm: cut(click.utm?.term ?? '', utmBytesMax),
    utmContent: cut(click.utm?.content ?? '', utmBytesMax),
  }
  return Buffer.from(ClickBatch.encode({ producerId: Buffer.alloc(0), clicks: [whole] }).finish())
}

function encoded(click: ClickFields): Buffer {
  const target = Buffer.alloc(clickRecordBytesMax + 16, 0xee)
  const end = encodeClickRecord(target, 5, click)
  expect(target.subarray(0, 5).every((byte) => byte === 0xee)).toBe(true)
  expect(end - 5).toBeLessThanOrEqual(clickRecordBytesMax)
  return target.subarray(5, end)
}

const text = (maxLength: number) =>
  fc.oneof(
    fc.string({ maxLength }),
    fc.string({ unit: 'grapheme', maxLength }),
    fc.string({ unit: 'binary', maxLength }),
    fc.nat({ max: maxLength }).map((length) => 'é'.repeat(length)),
  )

const anyClick: fc.Arbitrary<ClickFields> = fc.record({
  sequence: fc.integer({ min: 1, max: 2 ** 48 - 1 }),
  atMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 2 ** 45 })),
  domainId: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  code: text(200),
  kind: fc.constantFrom(...Object.values(ClickKind)),
  orphanReason: fc.constantFrom(...Object.values(OrphanReason)),
  visitor: fc.option(fc.uint8Array({ minLength: 16, maxLength: 16 }), { nil: undefined }),
  country: text(70),
  region: text(70),
  city: text(70),
  referrerHost: text(300),
  userAgent: text(700),
  language: text(50),
  utm: fc.option(
    fc.record({
      source: text(150),
      medium: text(150),
      campaign: text(150),
      term: text(150),
      content: text(150),
    }),
    { nil: undefined },
  ),
})

test('any click is encoded to the bytes of the generated codec', () => {
  fc.assert(
    fc.property(anyClick, (click) => {
      expect(encoded(click).equals(generated(click))).toBe(true)
    }),
    { numRuns: 2000 },
  )
})

test('numbers around each length of a varint are encoded as the generated codec does', () => {
  for (let bits = 7; bits <= 47; bits += 1) {
    for (const value of [2 ** bits - 1, 2 ** bits, 2 ** bits + 1]) {
      const click = { ...plainClick, sequence: value, atMs: value }
      expect(encoded(click).equals(generated(click)), String(value)).toBe(true)
    }
  }
  for (let length = 0; length <= 300; length += 1) {
    const click = {
      ...plainClick,
      sequence: 1,
      userAgent: 'x'.repeat(length),
      referrerHost: 'y'.repeat(length),
    }
    expect(encoded(click).equals(generated(click)), `${length} characters`).toBe(true)
  }
})

test('a framed batch is what the generated codec reads: the producer and the clicks in order', () => {
  fc.assert(
    fc.property(fc.array(anyClick, { maxLength: 20 }), (clicks) => {
      const records = clicks.map((click) => Buffer.from(encoded(click)))
      const value = frameClickBatch(producerId, records)
      const bytes = records.reduce((sum, record) => sum + record.length, clickBatchHeadBytes)
      expect(value.length).toBe(bytes)
      const batch = ClickBatch.decode(value)
      expect(batch.producerId.equals(producerId)).toBe(true)
      expect(batch.clicks.map((click) => click.sequence)).toEqual(clicks.map((click) => click.sequence))
      expect(Buffer.from(ClickBatch.encode(batch).finish()).equals(value)).toBe(true)
    }),
  )
})

test('the longest possible fields fit the bound of a record', () => {
  const long = 'é'.repeat(2000)
  const record = encoded({
    sequence: 2 ** 48 - 1,
    atMs: 2 ** 48,
    domainId: 2 ** 32 - 1,
    code: long,
    kind: ClickKind.ORPHAN,
    orphanReason: OrphanReason.USED_UP,
    visitor: Buffer.alloc(16, 1),
    country: long,
    region: long,
    city: long,
    referrerHost: long,
    userAgent: long,
    language: long,
    utm: { source: long, medium: long, campaign: long, term: long, content: long },
  })
  expect(record.length).toBeLessThanOrEqual(clickRecordBytesMax)
  expect(Click.decode(record.subarray(3)).userAgent).toBe('é'.repeat(256))
})

test('a producer id of another length is refused', () => {
  expect(() => frameClickBatch(Buffer.alloc(15), [])).toThrow(RangeError)
})

test('a record of before visitors, places and campaigns were recorded reads as one of which they are not known', () => {
  // Written by the first version of the format.
  const frame = Buffer.from(
    '122308011080c49cd9ec331801220761626331323334280162074d6f7a696c6c616a02656e',
    'hex',
  )
  const [click] = ClickBatch.decode(frame).clicks
  expect(click).toMatchObject({ sequence: 1, code: 'abc1234', userAgent: 'Mozilla', language: 'en' })
  expect(click).toMatchObject({ country: '', region: '', city: '', utmSource: '', utmContent: '' })
  expect(click?.visitor).toHaveLength(0)
})
