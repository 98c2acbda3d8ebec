/** Records of the spool as the writer makes them. */
import { type ClickFields, encodeClickRecord } from '@linkfleet/contracts/clicks'
import { partitionOf } from '@linkfleet/contracts/partition'
import { plainClick } from '@linkfleet/contracts/testing/clicks'
import { recordBytesMax, recordHeadBytes, sealRecord } from '../domain/spool/segment-format.ts'

export function recordIn(partition: number, sequence: number, click: Partial<ClickFields>): Buffer {
  const buffer = Buffer.alloc(recordBytesMax)
  const end = encodeClickRecord(buffer, recordHeadBytes, { ...plainClick, ...click, sequence })
  sealRecord(buffer, 0, end, partition, sequence)
  return buffer.subarray(0, end)
}

/** In the partition of its code. */
export function recordOf(code: string, sequence: number, partitionCount: number): Buffer {
  return recordIn(partitionOf(plainClick.domainId, code, partitionCount), sequence, { code })
}
