/**
 * Counts everything anew into the shadow, by the code that counted it first: each batch as it was applied, judged by
 * the clock of that moment. What the archive does not have comes from Kafka's log, as far as that is kept.
 */
import type { Pool, Queryable } from '@linkfleet/runtime/postgres'
import { decodeRecords } from '../../domain/archive/batch-codec.ts'
import { arrivedByMs } from '../../domain/arrival-clock.ts'
import { type ClickRecord, readRecords } from '../../domain/batch-plan.ts'
import { dayMs } from '../../domain/grains.ts'
import type { Retention } from '../../domain/statistics/stats-range.ts'
import type { ClassifyUserAgent } from '../../domain/traits.ts'
import type { ClickStore, LogRange } from '../../ports.ts'
import { openClickStorePg } from '../rollups/click-store-pg.ts'
import { pruneOnce } from '../rollups/pruner-pg.ts'
import { nextPlace, type ReplaySource, readBatches } from './replay-batches.ts'

export interface RebuildOptions {
  readonly source: ReplaySource
  /** Whose `clicks.` is the shadow. */
  readonly shadow: Pool
  readonly log: LogRange
  readonly classify: ClassifyUserAgent
  readonly retention: Retention
  /** Whether records that are neither in the archive nor in Kafka are passed over. */
  readonly allowGaps: boolean
  readonly now: () => number
  readonly say: (sentence: string) => void
}

export interface LivePosition {
  readonly partition: number
  readonly nextOffset: number
}

/** The counts would lack clicks that are counted now. */
export class RecordsMissing extends Error {
  override readonly name = 'RecordsMissing'
}

export class Rebuild {
  readonly #options: RebuildOptions
  readonly #partitions = new Map<number, PartitionRebuild>()

  constructor(options: RebuildOptions) {
    this.#options = options
  }

  /**
   * Brings the shadow at least to these positions, or exactly there when they are `fenced` and no longer move. It goes
   * on where it was left by an earlier call.
   */
  async catchUp(positions: readonly LivePosition[], isFenced: boolean): Promise<void> {
    for (const { partition, nextOffset } of positions) {
      let rebuild = this.#partitions.get(partition)
      if (rebuild === undefined) {
        rebuild = new PartitionRebuild(partition, this.#options)
        this.#partitions.set(partition, rebuild)
      }
      await rebuild.replay(isFenced)
      if (isFenced || rebuild.nextOffset < nextOffset) await rebuild.goTo(nextOffset, this.#options.now())
    }
  }

  /** Drops what the live set has dropped, or is about to. */
  async prune(nowMs: number): Promise<void> {
    await pruneAll(this.#options.shadow, this.#options.retention, nowMs)
  }
}

export async function livePositions(database: Queryable): Promise<LivePosition[]> {
  const { rows } = await database.query<LivePosition & Record<string, unknown>>(
    'SELECT partition, next_offset AS "nextOffset" FROM clicks.partitions ORDER BY partition',
  )
  return rows
}

class PartitionRebuild {
  readonly #partition: number
  readonly #options: RebuildOptions
  readonly #store: ClickStore
  #clockMs = 0
  #prunedDay = 0
  #place = 1
  /** undefined until the shadow has a position. */
  #nextOffset: number | undefined

  constructor(partition: number, options: RebuildOptions) {
    this.#partition = partition
    this.#options = options
    const { shadow, classify } = options
    this.#store = openClickStorePg({ pool: shadow, classify, now: () => this.#clockMs })
  }

  /** Unless it is fenced, what is applied meanwhile is left to the next call: it might never end. */
  async replay(isFenced: boolean): Promise<void> {
    const { database } = this.#options.source
    const endPlace = isFenced ? Number.POSITIVE_INFINITY : await nextPlace(database, this.#partition)
    if (this.#place >= endPlace) return
    for await (const batch of readBatches(this.#options.source, this.#partition, this.#place)) {
      await this.goTo(batch.fromOffset, batch.appliedAtMs)
      await this.#apply(batch.fromOffset, decodeRecords(batch.records), batch.appliedAtMs)
      if (this.#nextOffset !== batch.nextOffset)
        throw new Error(`Batch ${batch.place} of partition ${this.#partition} does not end where it did.`)
      this.#place = batch.place + 1
      if (this.#place >= endPlace) return
    }
  }

  /**
   * Reads what lies between from Kafka, which was applied by `latestMs`. Backwards there is nothing to read: the log was
   * found to be another one.
   */
  async goTo(offset: number, latestMs: number): Promise<void> {
    const from = this.#nextOffset
    if (from === undefined) {
      const low = offset === 0 ? 0 : await this.#lowOf(0, offset)
      await this.#store.begin(this.#partition, low)
      this.#nextOffset = low
    } else if (from > offset) {
      await this.#move(offset)
    } else if (from < offset) {
      await this.#move(await this.#lowOf(from, offset))
    }
    if (this.nextOffset < offset) await this.#readKafka(offset, latestMs)
    if (this.nextOffset < offset) await this.#move(offset)
  }

  get nextOffset(): number {
    return this.#nextOffset ?? 0
  }

  /** Where the log can be read from, at or after `from`. */
  async #lowOf(from: number, to: number): Promise<number> {
    const low = Math.min(Math.max(from, await this.#options.log.low(this.#partition)), to)
    if (low === from) return from
    const missing = `The records ${from} to ${low - 1} of partition ${this.#partition} are neither in the archive nor in Kafka.`
    if (!this.#options.allowGaps) throw new RecordsMissing(`${missing} --allow-gaps goes on without them.`)
    this.#options.say(missing)
    return low
  }

  async #readKafka(to: number, latestMs: number): Promise<void> {
    this.#options.say(
      `reading the records ${this.nextOffset} to ${to - 1} of partition ${this.#partition} from Kafka`,
    )
    await this.#options.log.read(this.#partition, this.nextOffset, to, async (records) => {
      await this.#apply(this.nextOffset, records, arrivedByMs(records, this.#clockMs, latestMs))
    })
  }

  async #apply(from: number, records: readonly ClickRecord[], clockMs: number): Promise<void> {
    await this.#pruneDaily(clockMs)
    this.#clockMs = clockMs
    const outcome = await this.#store.apply(this.#partition, from, readRecords(records, clockMs))
    if (outcome.kind === 'out-of-step')
      throw new Error(`Someone else changed the position of partition ${this.#partition} in the shadow.`)
    this.#nextOffset = outcome.nextOffset
  }

  async #move(to: number): Promise<void> {
    const from = this.nextOffset
    if (from === to) return
    if (!(await this.#store.move(this.#partition, from, to)))
      throw new Error(`Someone else changed the position of partition ${this.#partition} in the shadow.`)
    this.#nextOffset = to
  }

  /** As the live set was pruned while time went by, so that nothing outlives it inside of a row. */
  async #pruneDaily(clockMs: number): Promise<void> {
    const day = Math.floor(clockMs / dayMs)
    if (day <= this.#prunedDay) return
    if (this.#prunedDay > 0) await pruneAll(this.#options.shadow, this.#options.retention, clockMs)
    this.#prunedDay = day
  }
}

async function pruneAll(shadow: Pool, retention: Retention, nowMs: number): Promise<void> {
  for (let isMore = true; isMore; ) {
    const pruned = await pruneOnce(shadow, retention, nowMs)
    isMore = Object.keys(pruned).length > 0
  }
}
