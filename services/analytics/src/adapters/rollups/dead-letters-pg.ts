/** The messages that were set aside: looking at them, and replaying one in the transaction that deletes its row. */
import type { Pool, Transaction } from '@linkfleet/runtime/postgres'
import type { PoisonReason } from '../../domain/click-message.ts'
import { planReplay } from '../../domain/replay.ts'
import type { ClassifyUserAgent } from '../../domain/traits.ts'
import { writeRollup } from './rollup-rows-pg.ts'

export interface DeadLetterSummary {
  readonly id: number
  readonly partition: number
  readonly offset: number
  readonly reason: PoisonReason
  readonly bytes: number
  readonly setAsideAt: Date
}

export type ReplayOutcome =
  | { readonly kind: 'counted'; readonly clicks: number }
  /** It stays where it is. */
  | { readonly kind: 'unreadable'; readonly reason: PoisonReason }
  | { readonly kind: 'missing' }

const listedMax = 1_000

/** The newest 1,000. */
export async function listDeadLetters(pool: Pool): Promise<DeadLetterSummary[]> {
  const { rows } = await pool.query<DeadLetterSummary & Record<string, unknown>>(
    `SELECT id, partition, record_offset AS "offset", reason, octet_length(value) AS bytes,
      set_aside_at AS "setAsideAt" FROM clicks.dead_letters ORDER BY id DESC LIMIT ${listedMax}`,
  )
  return rows
}

const pageIdsMax = 1_000

/** The ids of all that are there at the start, each once, ascending: what stays, and what comes meanwhile, is passed by. */
export async function* allDeadLetterIds(pool: Pool): AsyncGenerator<number> {
  const { rows } = await pool.query<{ newest: number | null }>(
    'SELECT max(id) AS newest FROM clicks.dead_letters',
  )
  const newest = rows[0]?.newest ?? 0
  for (let last = 0; last < newest; ) {
    const page = await pool.query<{ id: number }>({
      text: 'SELECT id FROM clicks.dead_letters WHERE id > $1 AND id <= $2 ORDER BY id LIMIT $3',
      values: [last, newest, pageIdsMax],
    })
    for (const { id } of page.rows) yield id
    last = page.rows.at(-1)?.id ?? newest
  }
}

export async function countDeadLetters(pool: Pool): Promise<number> {
  const { rows } = await pool.query<{ letters: number }>(
    'SELECT count(*) AS letters FROM clicks.dead_letters',
  )
  return rows[0]?.letters ?? 0
}

interface LetterRow extends Record<string, unknown> {
  readonly partition: number
  readonly value: Buffer
  readonly countedThrough: number
}

export async function replayDeadLetter(
  pool: Pool,
  id: number,
  nowMs: number,
  classify: ClassifyUserAgent,
): Promise<ReplayOutcome> {
  try {
    return await pool.transaction((transaction) => replayIn(transaction, id, nowMs, classify))
  } catch (error) {
    if (error instanceof StillUnreadable) return { kind: 'unreadable', reason: error.reason }
    throw error
  }
}

async function replayIn(
  transaction: Transaction,
  id: number,
  nowMs: number,
  classify: ClassifyUserAgent,
): Promise<ReplayOutcome> {
  // The partition's lock first, as in ingest: nothing is applied to it meanwhile, and nobody deadlocks.
  await transaction.query({
    text: `SELECT 1 FROM clicks.partitions
      WHERE partition = (SELECT partition FROM clicks.dead_letters WHERE id = $1) FOR UPDATE`,
    values: [id],
  })
  const { rows } = await transaction.query<LetterRow>({
    text: `DELETE FROM clicks.dead_letters WHERE id = $1
      RETURNING partition, value, counted_through AS "countedThrough"`,
    values: [id],
  })
  const letter = rows[0]
  if (letter === undefined) return { kind: 'missing' }
  const plan = planReplay(letter, nowMs, classify)
  if (plan.kind === 'unreadable') throw new StillUnreadable(plan.reason)
  await writeRollup(transaction, letter.partition, plan.rollup)
  await transaction.query({
    text: `INSERT INTO clicks.marks (partition, producer_id, sequence, applied_at)
      VALUES ($1, decode($2, 'hex'), $3, $4)
      ON CONFLICT (partition, producer_id) DO UPDATE
      SET sequence = greatest(clicks.marks.sequence, excluded.sequence), applied_at = excluded.applied_at`,
    values: [letter.partition, plan.producer, plan.lastSequence, new Date(nowMs)],
  })
  return { kind: 'counted', clicks: plan.clicks }
}

/** Takes the deletion back. */
class StillUnreadable extends Error {
  readonly reason: PoisonReason

  constructor(reason: PoisonReason) {
    super(reason)
    this.reason = reason
  }
}
