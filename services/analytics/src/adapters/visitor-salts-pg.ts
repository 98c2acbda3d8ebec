/**
 * Keeps the salts of visitors: a random one for each UTC day, made at most half a day ahead and destroyed when its day
 * is over, so that none lives for 48 hours. With its salt gone, nobody can tell whose a pseudonym was.
 */
import { randomBytes } from 'node:crypto'
import type { Pool, Queryable } from '@linkfleet/runtime/postgres'
import { dayMs } from '../domain/grains.ts'
import type { DaySalt, VisitorSaltKeeper } from '../ports.ts'

const saltBytes = 32
const beginText = "BEGIN; SET LOCAL lock_timeout = '1s'"

export function openVisitorSaltsPg(pool: Pool): VisitorSaltKeeper {
  /**
   * An unlogged table is empty after a crash of its server. What this process gave out goes back into it then, so that
   * the visitors of the day stay the same.
   */
  let given: readonly DaySalt[] = []
  return {
    async salts(nowMs) {
      const wanted = wantedDays(nowMs)
      const proposed = wanted.map((dayStartMs) => ({
        dayStartMs,
        salt: given.find((one) => one.dayStartMs === dayStartMs)?.salt ?? randomBytes(saltBytes),
      }))
      await insert(pool, proposed)
      // Another instance may have been first; the table has the last word.
      const { rows } = await pool.query<{ day_ms: number; salt: Buffer }>({
        name: 'visitor-salts',
        text: `SELECT (day - date '1970-01-01') * ${dayMs}::bigint AS day_ms, salt FROM clicks.visitor_salts
          WHERE day = ANY(SELECT date '1970-01-01' + (ms / ${dayMs})::int FROM unnest($1::bigint[]) AS ms) ORDER BY day`,
        values: [wanted],
      })
      given = rows.map(({ day_ms, salt }) => ({ dayStartMs: day_ms, salt }))
      return [...given]
    },
    async destroyPast(nowMs) {
      const [today] = wantedDays(nowMs)
      given = given.filter(({ dayStartMs }) => dayStartMs >= today)
      return await pool.transaction(async (transaction) => await destroyBefore(transaction, today), beginText)
    },
  }
}

function wantedDays(nowMs: number): [number, ...number[]] {
  const today = nowMs - (nowMs % dayMs)
  return nowMs - today < dayMs / 2 ? [today] : [today, today + dayMs]
}

async function insert(database: Queryable, salts: readonly DaySalt[]): Promise<void> {
  await database.query({
    name: 'add-visitor-salts',
    text: `INSERT INTO clicks.visitor_salts (day, salt)
      SELECT date '1970-01-01' + (day_ms / ${dayMs})::int, salt FROM unnest($1::bigint[], $2::bytea[]) AS made(day_ms, salt)
      ON CONFLICT (day) DO NOTHING`,
    values: [salts.map(({ dayStartMs }) => dayStartMs), salts.map(({ salt }) => salt)],
  })
}

/** A deleted row stays in its page until that is written over; TRUNCATE gives the table a new file. */
async function destroyBefore(transaction: Queryable, todayMs: number): Promise<number> {
  const { rows: past } = await transaction.query({
    text: `SELECT 1 FROM clicks.visitor_salts WHERE day < date '1970-01-01' + ($1::bigint / ${dayMs})::int`,
    values: [todayMs],
  })
  if (past.length === 0) return 0
  await transaction.query({ text: 'LOCK TABLE clicks.visitor_salts IN ACCESS EXCLUSIVE MODE' })
  const { rows: kept } = await transaction.query<{ day_ms: number; salt: Buffer }>({
    text: `SELECT (day - date '1970-01-01') * ${dayMs}::bigint AS day_ms, salt FROM clicks.visitor_salts
      WHERE day >= date '1970-01-01' + ($1::bigint / ${dayMs})::int`,
    values: [todayMs],
  })
  await transaction.query({ text: 'TRUNCATE clicks.visitor_salts' })
  await insert(
    transaction,
    kept.map(({ day_ms, salt }) => ({ dayStartMs: day_ms, salt })),
  )
  return past.length
}
