/**
 * Decides what one batch of records changes. Pure: what the database says of the partition goes in, rows come out,
 * and the caller commits them all or none.
 */
import { createHash } from 'node:crypto'
import type { Click } from '@linkfleet/contracts/clicks'
import { type ClickMessage, type PoisonReason, readClickMessage } from './click-message.ts'
import { takeNewClicks } from './marks.ts'
import { type Rollup, RollupBuilder } from './rollup.ts'
import type { ClassifyUserAgent } from './traits.ts'

/** One Kafka record. */
export interface ClickRecord {
  readonly offset: number
  /** When it reached Kafka, by its producer's clock. */
  readonly timestampMs: number
  readonly value: Buffer | null
}

/** The greatest moment of a Date, and small enough for an archive. */
const timestampMsMax = 8_640_000_000_000_000

/** A producer may send any 64 bits, and what is no moment would be refused by the database at every retry. */
export function timestampMsOf(timestamp: string): number {
  return Math.min(Math.max(0, Number(timestamp)), timestampMsMax)
}

export interface ReadRecord {
  readonly record: ClickRecord
  readonly message: ClickMessage
}

export interface DeadLetter {
  readonly offset: number
  readonly producer: string | undefined
  readonly countedThrough: number
  readonly reason: PoisonReason
  readonly value: Buffer
  /** Hex, as all hashes and ids outside of the database. */
  readonly digest: string
}

export interface BatchCounts {
  readonly humans: number
  readonly bots: number
  readonly orphans: number
  readonly duplicates: number
  readonly refused: number
}

export interface BatchPlan {
  readonly nextOffset: number
  readonly fingerprint: string
  /** Records of a partition are nearly in the order of their time, so what came before this moment is applied. */
  readonly caughtUpAtMs: number
  /** Producers whose mark rises, with the new mark, sorted by producer. */
  readonly marks: readonly (readonly [producer: string, sequence: number])[]
  readonly rollup: Rollup
  readonly deadLetters: readonly DeadLetter[]
  readonly counts: BatchCounts
  /** When the oldest click that it counts happened; undefined when it counts none. */
  readonly oldestCountedMs: number | undefined
}

/** What the database holds about a partition, read under the lock of its row. */
export interface PartitionState {
  readonly marks: ReadonlyMap<string, number>
  /** Digests of those of the batch's messages that were set aside before. */
  readonly setAside: ReadonlySet<string>
}

export function readRecords(records: readonly ClickRecord[], nowMs: number): ReadRecord[] {
  return [...readInBatches(records, nowMs, () => Number.POSITIVE_INFINITY)].flat()
}

/** To set a message aside takes a statement of its own, which costs about as much as so many clicks in a rollup. */
const clicksPerMessageSetAside = 25

/**
 * Reads records and cuts them into batches, each after it was asked for: memory and transactions are bounded by clicks,
 * which may be hundreds of times as many as kilobytes, and messages to set aside count as some. A batch has
 * `clicksMax()` of them and what is left of the message that brought them.
 */
export function* readInBatches(
  records: readonly ClickRecord[],
  nowMs: number,
  clicksMax: () => number,
): Generator<ReadRecord[], void> {
  let batch: ReadRecord[] = []
  let clicks = 0
  for (const record of records) {
    const message = readClickMessage(record.value, nowMs)
    batch.push({ record, message })
    clicks += message.kind === 'clicks' ? message.clicks.length : clicksPerMessageSetAside
    if (clicks < clicksMax()) continue
    yield batch
    batch = []
    clicks = 0
  }
  if (batch.length > 0) yield batch
}

/** The producers whose marks the plan needs. */
export function producersOf(records: readonly ReadRecord[]): string[] {
  const producers = new Set<string>()
  for (const { message } of records) {
    if (message.kind === 'clicks') producers.add(message.producer)
    else if (message.origin !== undefined) producers.add(message.origin.producer)
  }
  return [...producers]
}

/** Tells this record from any other that could stand at its offset in a log that was made anew. */
export function fingerprintOf(record: ClickRecord): string {
  return createHash('sha256').update(`${record.timestampMs} `).update(bytesOf(record)).digest('hex')
}

export function digestOf(record: ClickRecord): string {
  return createHash('sha256').update(bytesOf(record)).digest('hex')
}

/** `records` are not empty and follow each other in the log. */
export function planBatch(
  records: readonly ReadRecord[],
  state: PartitionState,
  nowMs: number,
  classify: ClassifyUserAgent,
): BatchPlan {
  const last = records.at(-1)
  if (last === undefined) throw new RangeError('A batch has at least one record.')
  const marks = new Map(state.marks)
  const setAside = new Set(state.setAside)
  const rollup = new RollupBuilder(classify)
  const deadLetters: DeadLetter[] = []
  const counts = { humans: 0, bots: 0, orphans: 0, duplicates: 0, refused: 0 }
  let oldestCountedMs = Number.POSITIVE_INFINITY

  for (const { record, message } of records) {
    if (message.kind === 'poison') {
      const digest = digestOf(record)
      if (!setAside.has(digest) && !isCovered(message, marks)) {
        deadLetters.push(deadLetterOf(record, message, digest, marks))
      }
      setAside.add(digest)
      if (message.origin !== undefined) raise(marks, message.origin.producer, message.origin.lastSequence)
      continue
    }
    // What was set aside belongs to its replay, even when this version of the code could read it.
    if (setAside.size > 0 && setAside.has(digestOf(record))) {
      counts.duplicates += message.clicks.length
      continue
    }
    const taken = takeNewClicks(message.clicks, marks.get(message.producer) ?? 0, nowMs)
    counts.duplicates += taken.duplicates
    counts.refused += taken.refused
    for (const click of taken.fresh) {
      counts[plural[rollup.add(click)]]++
      oldestCountedMs = Math.min(oldestCountedMs, click.atMs)
    }
    raise(marks, message.producer, lastSequenceOf(message.clicks))
  }
  return {
    nextOffset: last.record.offset + 1,
    fingerprint: fingerprintOf(last.record),
    // The clock of their producer is not ours.
    caughtUpAtMs: Math.min(last.record.timestampMs, nowMs),
    marks: [...marks].filter(([producer, mark]) => mark > (state.marks.get(producer) ?? 0)).sort(byProducer),
    rollup: rollup.build(),
    deadLetters,
    counts,
    oldestCountedMs: Number.isFinite(oldestCountedMs) ? oldestCountedMs : undefined,
  }
}

const plural = { human: 'humans', bot: 'bots', orphan: 'orphans' } as const

/**
 * Since when at the latest the oldest click of these waits to be counted; undefined when there is none. Which of them
 * were counted before only their marks tell, so it is the time of records, not of clicks: clicks of any age come again.
 */
export function waitingSinceMs(records: readonly ReadRecord[]): number | undefined {
  let oldestMs: number | undefined
  for (const { record, message } of records) {
    if (message.kind === 'poison') continue
    const clickMs = message.clicks.reduce((ms, { atMs }) => Math.min(ms, atMs), Number.POSITIVE_INFINITY)
    // No click waits since before it happened, whatever its producer says of the record.
    const sinceMs = Math.max(record.timestampMs, clickMs)
    if (oldestMs === undefined || sinceMs < oldestMs) oldestMs = sinceMs
  }
  return oldestMs
}

function deadLetterOf(
  record: ClickRecord,
  message: ClickMessage & { kind: 'poison' },
  digest: string,
  marks: ReadonlyMap<string, number>,
): DeadLetter {
  const producer = message.origin?.producer
  return {
    offset: record.offset,
    producer,
    countedThrough: producer === undefined ? 0 : (marks.get(producer) ?? 0),
    reason: message.reason,
    value: bytesOf(record),
    digest,
  }
}

/** Whether the mark tells that this message was dealt with before: counted in part, set aside, perhaps replayed. */
function isCovered(message: ClickMessage & { kind: 'poison' }, marks: ReadonlyMap<string, number>): boolean {
  const { origin } = message
  return origin !== undefined && origin.lastSequence <= (marks.get(origin.producer) ?? 0)
}

function raise(marks: Map<string, number>, producer: string, sequence: number): void {
  marks.set(producer, Math.max(marks.get(producer) ?? 0, sequence))
}

function lastSequenceOf(clicks: readonly Click[]): number {
  return clicks.at(-1)?.sequence ?? 0
}

function byProducer(a: readonly [string, number], b: readonly [string, number]): number {
  return a[0] < b[0] ? -1 : 1
}

function bytesOf(record: ClickRecord): Buffer {
  return record.value ?? Buffer.alloc(0)
}
