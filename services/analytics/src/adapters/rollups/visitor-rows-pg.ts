/**
 * Adds a batch's visitors to the sketches of their links' days. Sketches are read, merged here and written back: whoever
 * writes visitors of a link has written its row of clicks.totals in the same transaction, and that row's lock keeps
 * others from reading between.
 */
import type { Queryable } from '@linkfleet/runtime/postgres'
import { dayMs } from '../../domain/grains.ts'
import type { VisitorRow } from '../../domain/rollup.ts'
import { addEntries, estimateVisitors } from '../../domain/visitor-sketch.ts'

/** The rows of clicks.totals of these links must have been written in this transaction. */
export async function writeVisitors(transaction: Queryable, visitors: readonly VisitorRow[]): Promise<void> {
  const held = await readSketches(transaction, visitors)
  const changed = visitors.flatMap((row, index) => {
    const sketch = addEntries(held[index] ?? undefined, row.entries)
    return sketch === undefined ? [] : [{ row, sketch }]
  })
  if (changed.length === 0) return
  await transaction.query({
    name: 'write-visitor-days',
    text: `INSERT INTO clicks.visitor_days (domain_id, code, day, sketch, visitors)
      SELECT domain_id, code, date '1970-01-01' + (day_ms / ${dayMs})::int, sketch, visitors
      FROM unnest($1::int[], $2::text[], $3::bigint[], $4::bytea[], $5::int[])
        AS merged(domain_id, code, day_ms, sketch, visitors)
      ON CONFLICT (domain_id, code, day) DO UPDATE SET sketch = excluded.sketch, visitors = excluded.visitors`,
    values: [
      changed.map(({ row }) => row.domainId),
      changed.map(({ row }) => row.code),
      changed.map(({ row }) => row.dayMs),
      changed.map(({ sketch }) => Buffer.from(sketch.buffer)),
      changed.map(({ sketch }) => estimateVisitors(sketch)),
    ],
  })
}

/** One for each row, in their order. A scalar subquery, since it is never planned as a scan of the whole table. */
async function readSketches(
  transaction: Queryable,
  visitors: readonly VisitorRow[],
): Promise<(Buffer | null)[]> {
  const { rows } = await transaction.query<{ sketch: Buffer | null }>({
    name: 'read-visitor-days',
    text: `SELECT (
        SELECT sketch FROM clicks.visitor_days AS held
        WHERE (held.domain_id, held.code, held.day)
          = (asked.domain_id, asked.code COLLATE "C", date '1970-01-01' + (asked.day_ms / ${dayMs})::int)
      ) AS sketch
      FROM unnest($1::int[], $2::text[], $3::bigint[]) WITH ORDINALITY AS asked(domain_id, code, day_ms, place)
      ORDER BY place`,
    values: [
      visitors.map((row) => row.domainId),
      visitors.map((row) => row.code),
      visitors.map((row) => row.dayMs),
    ],
  })
  return rows.map(({ sketch }) => sketch)
}
