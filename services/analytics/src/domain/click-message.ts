/**
 * Reads the value of one Kafka message. Whatever is not a well-formed batch of clicks is poison: it is set aside
 * whole, since counting a part of it would make its later replay ambiguous.
 */
import {
  type Click,
  ClickBatch,
  ClickKind,
  clickBatchBytesMax,
  codeBytesMax,
  producerIdBytes,
} from '@linkfleet/contracts/clicks'
import { dayMs } from './grains.ts'

export const poisonReasons = ['empty', 'too-large', 'undecodable', 'producer', 'sequence', 'click'] as const
export type PoisonReason = (typeof poisonReasons)[number]

export type ClickMessage =
  | {
      readonly kind: 'clicks'
      /** The producer's id in hex. */
      readonly producer: string
      /** Not empty; sequences grow. */
      readonly clicks: readonly Click[]
    }
  | {
      readonly kind: 'poison'
      readonly reason: PoisonReason
      /** Whose it is and how far its sequences go, where that much can be read. */
      readonly origin: { readonly producer: string; readonly lastSequence: number } | undefined
    }

/** Before it there was no linkfleet: an earlier click is a broken clock, as is one a day ahead of ours. */
const earliestMs = Date.UTC(2020, 0, 1)
const aheadMsMax = dayMs
const domainIdMax = 2 ** 31 - 1
/** The column of reasons is a smallint. One that a later version names is kept by its number, and shown as unspecified. */
const orphanReasonMax = 2 ** 15 - 1

export function readClickMessage(value: Buffer | null, nowMs: number): ClickMessage {
  if (value === null || value.length === 0) return poison('empty')
  if (value.length > clickBatchBytesMax) return poison('too-large')
  let batch: ClickBatch
  try {
    batch = ClickBatch.decode(value)
  } catch {
    return poison('undecodable')
  }
  const { clicks } = batch
  const last = clicks.at(-1)
  if (last === undefined) return poison('empty')
  if (batch.producerId.length !== producerIdBytes) return poison('producer')
  const producer = Buffer.from(batch.producerId).toString('hex')
  if (!sequencesGrow(clicks)) return poison('sequence')
  const valid = clicks.every((click) => isValidClick(click, nowMs))
  if (!valid) return { kind: 'poison', reason: 'click', origin: { producer, lastSequence: last.sequence } }
  return { kind: 'clicks', producer, clicks }
}

function poison(reason: PoisonReason): ClickMessage {
  return { kind: 'poison', reason, origin: undefined }
}

function sequencesGrow(clicks: readonly Click[]): boolean {
  let previous = 0
  for (const { sequence } of clicks) {
    if (!Number.isSafeInteger(sequence) || sequence <= previous) return false
    previous = sequence
  }
  return true
}

function isValidClick(click: Click, nowMs: number): boolean {
  return (
    (click.kind === ClickKind.REDIRECT || click.kind === ClickKind.ORPHAN) &&
    click.domainId >= 1 &&
    click.domainId <= domainIdMax &&
    click.orphanReason >= 0 &&
    click.orphanReason <= orphanReasonMax &&
    isStorable(click.code) &&
    click.atMs >= earliestMs &&
    click.atMs <= nowMs + aheadMsMax
  )
}

/** Postgres text holds no NUL, and a code has no other control character either. */
function isStorable(code: string): boolean {
  if (code.length === 0 || code.length > codeBytesMax) return false
  for (let index = 0; index < code.length; index++) {
    const unit = code.charCodeAt(index)
    if (unit < 0x20 || unit === 0x7f) return false
  }
  return code.isWellFormed()
}
