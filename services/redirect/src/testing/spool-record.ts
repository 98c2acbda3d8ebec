/** A record of the spool as the writer makes it, of which only what places and names the click is given. */
import { ClickKind, encodeClickRecord, OrphanReason } from '@linkfleet/contracts/clicks'
import { partitionOf } from '@linkfleet/contracts/partition'
import { recordBytesMax, recordHeadBytes, sealRecord } from '../domain/spool/segment-format.ts'

export function recordOf(code: string, sequence: number, partitionCount: number): Buffer {
  const buffer = Buffer.alloc(recordBytesMax)
  const end = encodeClickRecord(buffer, recordHeadBytes, {
    sequence,
    atMs: 1,
    domainId: 1,
    code,
    kind: ClickKind.REDIRECT,
    orphanReason: OrphanReason.UNSPECIFIED,
    visitor: undefined,
    country: '',
    referrerHost: '',
    userAgent: '',
    language: '',
    region: '',
    city: '',
    utm: undefined,
  })
  sealRecord(buffer, 0, end, partitionOf(1, code, partitionCount), sequence)
  return buffer.subarray(0, end)
}
