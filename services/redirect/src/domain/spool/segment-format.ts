/**
 * The file format of the click spool.
 *
 * A segment is a header and then records, only ever appended. The header pins what the records rely on: the
 * producer, and the partition count and hash by which a link was given its partition. A record is
 *
 *   crc32 (4) of all that follows | frame length (2) | partition (2) | sequence (6) | frame
 *
 * in little endian, and its frame is one element of `ClickBatch.clicks`, ready to be concatenated. A process may
 * die in the middle of a write, and a disk may lose or damage blocks: a reader takes a record only when its
 * checksum holds, and looks for the next one that does.
 */
import { crc32 } from 'node:zlib'
import { clickRecordBytesMax, producerIdBytes } from '@linkfleet/contracts/clicks'
import { partitionHashName } from '@linkfleet/contracts/partition'

export const segmentHeaderBytes = 96
export const recordHeadBytes = 14
export const recordBytesMax = recordHeadBytes + clickRecordBytesMax
export const sequenceMax = 2 ** 48 - 1

const magic = Buffer.from('LFCLICK1')
const firstFrameByte = 0x12

const offsets = {
  producerId: 8,
  partitionCount: 24,
  segment: 28,
  createdAtMs: 32,
  bootId: 40,
  hashName: 56,
  crc: 92,
}
const hashNameBytes = 32

export interface SegmentHeader {
  readonly producerId: Buffer
  readonly partitionCount: number
  /** Counts the segments of a producer, from 1. */
  readonly segment: number
  readonly createdAtMs: number
  /** 16 bytes that change with each boot of the machine. */
  readonly bootId: Buffer
}

export function encodeSegmentHeader(header: SegmentHeader): Buffer {
  const bytes = Buffer.alloc(segmentHeaderBytes)
  magic.copy(bytes)
  header.producerId.copy(bytes, offsets.producerId, 0, producerIdBytes)
  bytes.writeUInt32LE(header.partitionCount, offsets.partitionCount)
  bytes.writeUInt32LE(header.segment, offsets.segment)
  bytes.writeDoubleLE(header.createdAtMs, offsets.createdAtMs)
  header.bootId.copy(bytes, offsets.bootId, 0, 16)
  bytes.write(partitionHashName, offsets.hashName, hashNameBytes, 'latin1')
  bytes.writeUInt32LE(crc32(bytes.subarray(0, offsets.crc)), offsets.crc)
  return bytes
}

/**
 * undefined when these bytes are no whole header. The name of the hash is for whoever wonders why a link has that
 * partition: records name their partition themselves, so those of another hash are sent where they were meant to go.
 */
export function decodeSegmentHeader(bytes: Buffer): SegmentHeader | undefined {
  if (bytes.length < segmentHeaderBytes || !bytes.subarray(0, magic.length).equals(magic)) return undefined
  if (crc32(bytes.subarray(0, offsets.crc)) !== bytes.readUInt32LE(offsets.crc)) return undefined
  return {
    producerId: Buffer.from(bytes.subarray(offsets.producerId, offsets.producerId + producerIdBytes)),
    partitionCount: bytes.readUInt32LE(offsets.partitionCount),
    segment: bytes.readUInt32LE(offsets.segment),
    createdAtMs: bytes.readDoubleLE(offsets.createdAtMs),
    bootId: Buffer.from(bytes.subarray(offsets.bootId, offsets.bootId + 16)),
  }
}

/** Completes the record at `offset`, whose frame was written at `offset + recordHeadBytes` and ends at `end`. */
export function sealRecord(
  target: Buffer,
  offset: number,
  end: number,
  partition: number,
  sequence: number,
): void {
  target.writeUInt16LE(end - offset - recordHeadBytes, offset + 4)
  target.writeUInt16LE(partition, offset + 6)
  target.writeUIntLE(sequence, offset + 8, 6)
  target.writeUInt32LE(crc32(target.subarray(offset + 4, end)), offset)
}

export interface SpooledRecord {
  readonly partition: number
  readonly sequence: number
  /** A view of the scanned bytes, not a copy. */
  readonly frame: Buffer
  /** Where the record ends in the scanned bytes. */
  readonly end: number
}

export interface Scan {
  readonly records: readonly SpooledRecord[]
  /** How many of the bytes are done with; the rest must be scanned again together with what follows them. */
  readonly consumedBytes: number
  /** Bytes that belong to no whole record. */
  readonly damagedBytes: number
}

/**
 * Reads whole records. `atEnd` says that nothing follows these bytes: what is then left is a torn tail. Otherwise
 * a record that reaches past the bytes is left for the next scan.
 */
export function scanRecords(bytes: Buffer, partitionCount: number, atEnd: boolean): Scan {
  const records: SpooledRecord[] = []
  let at = 0
  let damagedBytes = 0
  while (bytes.length - at > recordHeadBytes) {
    const frameBytes = bytes.readUInt16LE(at + 4)
    const partition = bytes.readUInt16LE(at + 6)
    const plausible =
      frameBytes > 0 &&
      frameBytes <= clickRecordBytesMax &&
      partition < partitionCount &&
      bytes[at + recordHeadBytes] === firstFrameByte
    const end = at + recordHeadBytes + frameBytes
    if (plausible && end > bytes.length && !atEnd) break
    if (plausible && end <= bytes.length && crc32(bytes.subarray(at + 4, end)) === bytes.readUInt32LE(at)) {
      const frame = bytes.subarray(at + recordHeadBytes, end)
      records.push({ partition, sequence: bytes.readUIntLE(at + 8, 6), frame, end })
      at = end
      continue
    }
    // Not a record: the next one is looked for byte by byte, since a damaged length says nothing.
    at += 1
    damagedBytes += 1
  }
  if (!atEnd) return { records, consumedBytes: at, damagedBytes }
  return { records, consumedBytes: bytes.length, damagedBytes: damagedBytes + (bytes.length - at) }
}
