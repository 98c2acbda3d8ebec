/** Clicks, messages and logs for tests, made with the same encoder that redirect uses. */
import {
  type ClickFields,
  clickRecordBytesMax,
  encodeClickRecord,
  frameClickBatch,
} from '@linkfleet/contracts/clicks'
import { plainClick } from '@linkfleet/contracts/testing/clicks'
import type { ClickRecord } from '../domain/batch-plan.ts'

export const chrome =
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36'
export const googlebot = 'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)'

export const noon = Date.UTC(2026, 5, 15, 12, 0, 0)

export function click(fields: Partial<ClickFields> = {}): ClickFields {
  return {
    ...plainClick,
    sequence: 1,
    atMs: noon,
    userAgent: chrome,
    ...fields,
  }
}

/** A producer's id from a small number. */
export function producerId(number: number): Buffer {
  const id = Buffer.alloc(16, 0xa5)
  id.writeUInt32BE(number)
  return id
}

export function message(producer: Buffer, clicks: readonly ClickFields[]): Buffer {
  return frameClickBatch(
    producer,
    clicks.map((fields) => {
      const target = Buffer.alloc(clickRecordBytesMax)
      return target.subarray(0, encodeClickRecord(target, 0, fields))
    }),
  )
}

/** Clicks of one code with the sequences `first` to `last`. */
export function run(first: number, last: number, fields: Partial<ClickFields> = {}): ClickFields[] {
  return Array.from({ length: last - first + 1 }, (_none, index) =>
    click({ ...fields, sequence: first + index }),
  )
}

export function record(offset: number, value: Buffer | null, timestampMs = noon): ClickRecord {
  return { offset, timestampMs, value }
}
