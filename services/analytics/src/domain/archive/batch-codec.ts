/**
 * Applied batches as bytes. A record is its offset, its time, the length of its value and the value; a batch is its
 * place, offsets, time and number of clicks, the length of its records and the records. Numbers are unsigned and
 * big-endian, eight bytes each, but for lengths, which have four.
 */
import type { ClickRecord } from '../batch-plan.ts'

export interface ArchivedBatch {
  /** Batches of a partition are numbered from 1 without a gap. */
  readonly place: number
  readonly fromOffset: number
  readonly nextOffset: number
  /** The clock that the batch was judged by. */
  readonly appliedAtMs: number
  /** Counted by it. */
  readonly clicks: number
  /** As `encodeRecords` made them. */
  readonly records: Buffer
}

const recordHeadBytes = 20
const batchHeadBytes = 44
/** No value, which is not the same as an empty one. */
const noValueLength = 0xff_ff_ff_ff

/** The bytes are not those of an encoder: they end too early, or go on after their end. */
export class MalformedBytes extends Error {
  override readonly name = 'MalformedBytes'
}

export function encodeRecords(records: readonly ClickRecord[]): Buffer {
  const parts: Buffer[] = []
  for (const { offset, timestampMs, value } of records) {
    const head = Buffer.alloc(recordHeadBytes)
    head.writeBigUInt64BE(BigInt(offset), 0)
    head.writeBigUInt64BE(BigInt(Math.max(0, timestampMs)), 8)
    head.writeUInt32BE(value === null ? noValueLength : value.length, 16)
    parts.push(head)
    if (value !== null) parts.push(value)
  }
  return Buffer.concat(parts)
}

export function decodeRecords(bytes: Buffer): ClickRecord[] {
  const records: ClickRecord[] = []
  for (let at = 0; at < bytes.length; ) {
    const head = slice(bytes, at, recordHeadBytes)
    const length = head.readUInt32BE(16)
    at += recordHeadBytes
    const value = length === noValueLength ? null : slice(bytes, at, length)
    at += value === null ? 0 : length
    records.push({ offset: numberAt(head, 0), timestampMs: numberAt(head, 8), value })
  }
  return records
}

export function encodeBatches(batches: readonly ArchivedBatch[]): Buffer {
  return Buffer.concat(
    batches.flatMap((batch) => {
      const head = Buffer.alloc(batchHeadBytes)
      const numbers = [batch.place, batch.fromOffset, batch.nextOffset, batch.appliedAtMs, batch.clicks]
      for (const [index, number] of numbers.entries()) head.writeBigUInt64BE(BigInt(number), index * 8)
      head.writeUInt32BE(batch.records.length, 40)
      return [head, batch.records]
    }),
  )
}

export function decodeBatches(bytes: Buffer): ArchivedBatch[] {
  const batches: ArchivedBatch[] = []
  for (let at = 0; at < bytes.length; ) {
    const head = slice(bytes, at, batchHeadBytes)
    const records = slice(bytes, at + batchHeadBytes, head.readUInt32BE(40))
    at += batchHeadBytes + records.length
    batches.push({
      place: numberAt(head, 0),
      fromOffset: numberAt(head, 8),
      nextOffset: numberAt(head, 16),
      appliedAtMs: numberAt(head, 24),
      clicks: numberAt(head, 32),
      records,
    })
  }
  return batches
}

function slice(bytes: Buffer, at: number, length: number): Buffer {
  if (at + length > bytes.length)
    throw new MalformedBytes(`It ends ${at + length - bytes.length} bytes early.`)
  return bytes.subarray(at, at + length)
}

function numberAt(head: Buffer, at: number): number {
  const number = head.readBigUInt64BE(at)
  if (number > BigInt(Number.MAX_SAFE_INTEGER)) throw new MalformedBytes('A number is too large.')
  return Number(number)
}
