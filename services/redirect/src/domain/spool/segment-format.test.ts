import { crc32 } from 'node:zlib'
import { testSeed } from '@linkfleet/testkit/seed'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { recordIn } from '../../testing/spool-record.ts'
import { decodeCheckpoint, emptyCheckpoint, encodeCheckpoint } from './checkpoint.ts'
import {
  decodeSegmentHeader,
  encodeSegmentHeader,
  recordBytesMax,
  recordHeadBytes,
  scanRecords,
  segmentHeaderBytes,
} from './segment-format.ts'

const partitionCount = 12

function recordOf(sequence: number, userAgent: string): Buffer {
  const code = `code${sequence % 50}`
  return recordIn(sequence % partitionCount, sequence, { atMs: 1_700_000_000_000, code, userAgent })
}

/** Reads a file as the sender does: chunk by chunk, what is left of one put before the next. */
function readInChunks(file: Buffer, chunkBytes: number): number[] {
  const sequences: number[] = []
  let offset = 0
  while (offset < file.length) {
    const chunk = file.subarray(offset, offset + Math.max(chunkBytes, recordBytesMax))
    const atEnd = offset + chunk.length === file.length
    const scan = scanRecords(chunk, partitionCount, atEnd)
    sequences.push(...scan.records.map((record) => record.sequence))
    expect(scan.consumedBytes).toBeGreaterThan(0)
    offset += scan.consumedBytes
  }
  return sequences
}

const agents = fc.array(fc.string({ maxLength: 700 }), { minLength: 1, maxLength: 30 })

describe('the reader of a segment', () => {
  test('reads what was written, whatever the chunks it comes in', () => {
    fc.assert(
      fc.property(agents, fc.integer({ min: 1, max: 9_000 }), (userAgents, chunkBytes) => {
        const records = userAgents.map((agent, index) => recordOf(index + 1, agent))
        expect(readInChunks(Buffer.concat(records), chunkBytes)).toEqual(records.map((_, index) => index + 1))
      }),
      { seed: testSeed },
    )
  })

  test('a file torn at any byte gives every whole record before the tear and nothing else', () => {
    fc.assert(
      fc.property(agents, fc.double({ min: 0, max: 1, noNaN: true }), (userAgents, part) => {
        const records = userAgents.map((agent, index) => recordOf(index + 1, agent))
        const file = Buffer.concat(records)
        const cut = Math.floor(file.length * part)
        let whole = 0
        for (let bytes = 0; whole < records.length && bytes + records[whole]!.length <= cut; whole += 1) {
          bytes += records[whole]!.length
        }
        const { records: read } = scanRecords(file.subarray(0, cut), partitionCount, true)
        expect(read.map(({ sequence }) => sequence)).toEqual(Array.from({ length: whole }, (_, i) => i + 1))
      }),
      { seed: testSeed, numRuns: 300 },
    )
  })

  test('damage anywhere costs the records it touches and no other one', () => {
    const damage = fc.array(
      fc.record({
        at: fc.double({ min: 0, max: 1, noNaN: true }),
        bytes: fc.uint8Array({ minLength: 1, maxLength: 40 }),
      }),
      { minLength: 1, maxLength: 4 },
    )
    fc.assert(
      fc.property(agents, damage, fc.integer({ min: 1, max: 9_000 }), (userAgents, damages, chunkBytes) => {
        const records = userAgents.map((agent, index) => recordOf(index + 1, agent))
        const original = Buffer.concat(records)
        const file = Buffer.from(original)
        for (const { at, bytes } of damages)
          file.set(
            bytes.subarray(0, file.length - Math.floor(at * file.length)),
            Math.floor(at * file.length),
          )
        const intact: number[] = []
        let start = 0
        records.forEach((record, index) => {
          if (file.subarray(start, start + record.length).equals(record)) intact.push(index + 1)
          start += record.length
        })
        expect(readInChunks(file, chunkBytes)).toEqual(intact)
      }),
      { seed: testSeed, numRuns: 500 },
    )
  })

  test('of bytes made to look like records, none is read whose checksum is wrong, and reading always ends', () => {
    const lookalike = fc
      .record({
        bytes: fc.integer({ min: 0, max: 3_000 }),
        partition: fc.nat(20),
        crc: fc.nat(),
        rest: fc.uint8Array({ maxLength: 400 }),
      })
      .map(({ bytes, partition, crc, rest }) => {
        const head = Buffer.alloc(recordHeadBytes + 1, 0x12)
        head.writeUInt32LE(crc >>> 0, 0)
        head.writeUInt16LE(bytes, 4)
        head.writeUInt16LE(partition, 6)
        return Buffer.concat([head, rest])
      })
    const real = fc.string({ maxLength: 300 }).map((agent) => recordOf(7, agent))
    const piece = fc.oneof(lookalike, real, fc.uint8Array({ maxLength: 60 }).map(Buffer.from))
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), fc.boolean(), (pieces, atEnd) => {
        const file = Buffer.concat(pieces)
        const { records, consumedBytes, damagedBytes } = scanRecords(file, partitionCount, atEnd)
        let recordBytes = 0
        for (const { frame, end } of records) {
          const start = end - frame.length - recordHeadBytes
          expect(crc32(file.subarray(start + 4, end))).toBe(file.readUInt32LE(start))
          recordBytes += end - start
        }
        expect(recordBytes + damagedBytes).toBe(consumedBytes)
        // What is left for the next chunk is less than a record, or nothing could ever be read on.
        expect(file.length - consumedBytes).toBeLessThan(atEnd ? 1 : recordBytesMax)
      }),
      { seed: testSeed, numRuns: 2_000 },
    )
  })

  test('noise holds no record, and neither do zeros', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 5_000 }), (noise) => {
        expect(scanRecords(Buffer.from(noise), partitionCount, true).records).toEqual([])
      }),
      { seed: testSeed },
    )
    const { records, damagedBytes } = scanRecords(Buffer.alloc(4_096), partitionCount, true)
    expect(records).toEqual([])
    expect(damagedBytes).toBe(4_096)
  })
})

describe('the header of a segment', () => {
  const header = {
    producerId: Buffer.alloc(16, 7),
    partitionCount,
    segment: 3,
    createdAtMs: 1_700_000_000_000.5,
    bootId: Buffer.alloc(16, 9),
  }
  test('is read as it was written', () => {
    const bytes = encodeSegmentHeader(header)
    expect(bytes).toHaveLength(segmentHeaderBytes)
    expect(decodeSegmentHeader(bytes)).toEqual(header)
  })
  test('is refused when any bit of it changed, or it is torn', () => {
    const bytes = encodeSegmentHeader(header)
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const damaged = Buffer.from(bytes)
      damaged[bit >> 3]! ^= 1 << (bit & 7)
      expect(decodeSegmentHeader(damaged), `bit ${bit}`).toBeUndefined()
    }
    expect(decodeSegmentHeader(bytes.subarray(0, segmentHeaderBytes - 1))).toBeUndefined()
  })
})

describe('a checkpoint', () => {
  test('is read as it was written', () => {
    const checkpoint = { acknowledged: [0, 5, 2 ** 48 - 1] }
    expect(decodeCheckpoint(encodeCheckpoint(checkpoint), 3)).toEqual(checkpoint)
  })
  test.each([
    undefined,
    '',
    '{',
    '{"format":2}',
    '{"format":1,"acknowledged":[1]}',
    '{"format":1,"acknowledged":[1,-1,2]}',
    '{"format":1,"acknowledged":[1,2,3.5]}',
  ])('that cannot be read (%s) means that everything is sent again', (text) => {
    expect(decodeCheckpoint(text, 3)).toEqual(emptyCheckpoint(3))
  })
})
