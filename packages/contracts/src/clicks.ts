/**
 * The click formats: one click as redirect spools it, and the value of a Kafka message that holds many.
 *
 * Redirect writes a click for each request, so the encoder is written by hand, into a buffer the caller keeps:
 * no object, no second copy. Its bytes are those of the generated codec of `linkfleet.clicks.v1.Click`, framed
 * as one element of `ClickBatch.clicks`. Protobuf lets repeated elements be concatenated, so a batch is the
 * producer id followed by the records just as they lie in the spool.
 */
import type { ClickKind, OrphanReason } from './generated/linkfleet/clicks/v1/clicks.ts'

export { type Click, ClickBatch, ClickKind, OrphanReason } from './generated/linkfleet/clicks/v1/clicks.ts'

/** The name of the topic and its partitions where nothing else is configured. */
export const clicksTopicDefault = 'clicks'
export const clicksPartitionCountDefault = 12

export const producerIdBytes = 16
export const visitorBytes = 16
export const codeBytesMax = 128
export const placeBytesMax = 64
/** The longest a DNS name can be. */
export const referrerHostBytesMax = 253
export const userAgentBytesMax = 512
export const languageBytesMax = 35
export const utmBytesMax = 128

/** A buffer with this much room holds any record, whatever its fields say. */
export const clickRecordBytesMax = 2048

/** The value of one Kafka message stays under this; brokers refuse 1 MiB by default. */
export const clickBatchBytesMax = 512 * 1024 - 1

/** The UTM parameters of a click; empty means not given. */
export interface UtmFields {
  readonly source: string
  readonly medium: string
  readonly campaign: string
  readonly term: string
  readonly content: string
}

/** What redirect knows of a click. Strings that are too long are cut between characters; empty means not known. */
export interface ClickFields {
  /** Grows by each click of one producer, from 1; at most 2^48 - 1. */
  readonly sequence: number
  readonly atMs: number
  readonly domainId: number
  readonly code: string
  readonly kind: ClickKind
  readonly orphanReason: OrphanReason
  /** HMAC of the visitor under the day's salt: exactly 16 bytes, or undefined when not known. */
  readonly visitor: Uint8Array | undefined
  readonly country: string
  readonly region: string
  readonly city: string
  readonly referrerHost: string
  readonly userAgent: string
  readonly language: string
  /** undefined when none is given, as for most clicks. */
  readonly utm: UtmFields | undefined
}

const TAG_CLICK_IN_BATCH = 0x12
const TAG_PRODUCER_ID = 0x0a
const TAG_SEQUENCE = 0x08
const TAG_AT_MS = 0x10
const TAG_DOMAIN_ID = 0x18
const TAG_CODE = 0x22
const TAG_KIND = 0x28
const TAG_ORPHAN_REASON = 0x30
const TAG_VISITOR = 0x3a
const TAG_COUNTRY = 0x42
const TAG_REGION = 0x4a
const TAG_CITY = 0x52
const TAG_REFERRER_HOST = 0x5a
const TAG_USER_AGENT = 0x62
const TAG_LANGUAGE = 0x6a
const TAG_UTM_SOURCE = 0x72
const TAG_UTM_MEDIUM = 0x7a
/** Tags of fields from the 16th on take two bytes; this is the second, and the first is given with 0x80 added. */
const TAG_OF_LATE_FIELD = 0x01
const TAG_UTM_CAMPAIGN = 0x82
const TAG_UTM_TERM = 0x8a
const TAG_UTM_CONTENT = 0x92

/**
 * Writes one record at `offset` and returns the offset after it. The target needs `clickRecordBytesMax` bytes of
 * room from `offset`.
 */
export function encodeClickRecord(target: Buffer, offset: number, click: ClickFields): number {
  // Most clicks are 128 bytes and longer, so their length takes two bytes; a shorter one is moved down by one.
  const bodyStart = offset + 3
  let at = writeVarintField(target, bodyStart, TAG_SEQUENCE, click.sequence)
  at = writeVarintField(target, at, TAG_AT_MS, click.atMs)
  at = writeVarintField(target, at, TAG_DOMAIN_ID, click.domainId)
  at = writeStringField(target, at, TAG_CODE, click.code, codeBytesMax)
  at = writeVarintField(target, at, TAG_KIND, click.kind)
  at = writeVarintField(target, at, TAG_ORPHAN_REASON, click.orphanReason)
  if (click.visitor !== undefined && click.visitor.length === visitorBytes) {
    target[at] = TAG_VISITOR
    target[at + 1] = visitorBytes
    target.set(click.visitor, at + 2)
    at += 2 + visitorBytes
  }
  at = writeStringField(target, at, TAG_COUNTRY, click.country, placeBytesMax)
  if (click.region.length > 0) at = writeStringField(target, at, TAG_REGION, click.region, placeBytesMax)
  if (click.city.length > 0) at = writeStringField(target, at, TAG_CITY, click.city, placeBytesMax)
  at = writeStringField(target, at, TAG_REFERRER_HOST, click.referrerHost, referrerHostBytesMax)
  at = writeStringField(target, at, TAG_USER_AGENT, click.userAgent, userAgentBytesMax)
  at = writeStringField(target, at, TAG_LANGUAGE, click.language, languageBytesMax)
  if (click.utm !== undefined) at = writeUtm(target, at, click.utm)

  target[offset] = TAG_CLICK_IN_BATCH
  const bodyBytes = at - bodyStart
  if (bodyBytes < 0x80) {
    target[offset + 1] = bodyBytes
    target.copyWithin(offset + 2, bodyStart, at)
    return at - 1
  }
  target[offset + 1] = (bodyBytes & 0x7f) | 0x80
  target[offset + 2] = bodyBytes >>> 7
  return at
}

function writeUtm(target: Buffer, offset: number, utm: UtmFields): number {
  let at = writeStringField(target, offset, TAG_UTM_SOURCE, utm.source, utmBytesMax)
  at = writeStringField(target, at, TAG_UTM_MEDIUM, utm.medium, utmBytesMax)
  at = writeLateStringField(target, at, TAG_UTM_CAMPAIGN, utm.campaign)
  at = writeLateStringField(target, at, TAG_UTM_TERM, utm.term)
  return writeLateStringField(target, at, TAG_UTM_CONTENT, utm.content)
}

/** The first byte of the tag, then a field whose own tag is the second byte. */
function writeLateStringField(target: Buffer, offset: number, tag: number, text: string): number {
  const end = writeStringField(target, offset + 1, TAG_OF_LATE_FIELD, text, utmBytesMax)
  if (end === offset + 1) return offset
  target[offset] = tag
  return end
}

/** Bytes of a message before its records. */
export const clickBatchHeadBytes = 2 + producerIdBytes

/** What stands before the records in a message. Throws a RangeError when the id has not 16 bytes. */
export function clickBatchHead(producerId: Uint8Array): Buffer {
  if (producerId.length !== producerIdBytes) throw new RangeError('a producer id is 16 bytes')
  return Buffer.of(TAG_PRODUCER_ID, producerIdBytes, ...producerId)
}

/** The value of one Kafka message: the producer and its records, in order. The caller keeps the size bound. */
export function frameClickBatch(producerId: Uint8Array, records: readonly Uint8Array[]): Buffer {
  return Buffer.concat([clickBatchHead(producerId), ...records])
}

function writeVarintField(target: Buffer, offset: number, tag: number, value: number): number {
  // Proto3 leaves out a field that has its default value.
  if (value === 0) return offset
  target[offset] = tag
  let at = offset + 1
  let rest = value
  // Bit operations see 32 bits only, so what is larger is divided first.
  while (rest > 0x7fffffff) {
    target[at++] = (rest % 0x80) | 0x80
    rest = Math.floor(rest / 0x80)
  }
  while (rest > 0x7f) {
    target[at++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  target[at++] = rest
  return at
}

function writeStringField(
  target: Buffer,
  offset: number,
  tag: number,
  text: string,
  bytesMax: number,
): number {
  if (text.length === 0) return offset
  // Room for a length of two bytes; Buffer.write never writes a part of a character.
  const wide = bytesMax > 0x7f && text.length * 3 > 0x7f
  const textStart = offset + (wide ? 3 : 2)
  const bytes = target.write(text, textStart, bytesMax, 'utf8')
  if (bytes === 0) return offset
  target[offset] = tag
  if (bytes > 0x7f) {
    target[offset + 1] = (bytes & 0x7f) | 0x80
    target[offset + 2] = bytes >>> 7
    return textStart + bytes
  }
  target[offset + 1] = bytes
  if (wide) target.copyWithin(offset + 2, textStart, textStart + bytes)
  return offset + 2 + bytes
}
