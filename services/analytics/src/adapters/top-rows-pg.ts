/**
 * Keeps, for each day and Kafka partition, the links with the most clicks. A link's clicks change only in a batch that
 * holds it, and each batch compares its links with the list, so the list is exact after every batch and its cost does
 * not grow with links or clicks.
 */
import type { Queryable } from '@linkfleet/runtime/postgres'
import { grainsSeconds, type SeriesRow } from '../domain/rollup.ts'

/** Links of one day and partition. */
export const topLinksMax = 100

const dayMs = grainsSeconds.day * 1000

/**
 * A full list takes a link only above its last one, so that links with as many clicks do not push each other out. The
 * links that are already in it are above themselves after their new clicks.
 */
const addText = `WITH bar AS (
    SELECT day_ms, coalesce((
        SELECT clicks FROM clicks.top_days WHERE day = date '1970-01-01' + (day_ms / ${dayMs})::int AND partition = $1
        ORDER BY clicks DESC OFFSET ${topLinksMax - 1} LIMIT 1), 0) AS clicks
    FROM unnest($2::bigint[]) AS days(day_ms)
  ), arrived AS (
    SELECT domain_id, code COLLATE "C" AS code, day_ms, (
        SELECT humans + bots FROM clicks.series AS held
        WHERE held.grain_seconds = ${grainsSeconds.day} AND held.domain_id = sent.domain_id
          AND held.code = sent.code COLLATE "C" AND held.start_at = to_timestamp(sent.day_ms / 1000.0)) AS clicks
    FROM unnest($3::int[], $4::text[], $5::bigint[]) AS sent(domain_id, code, day_ms)
  ), ranked AS (
    SELECT arrived.*, row_number() OVER (PARTITION BY day_ms ORDER BY arrived.clicks DESC, domain_id, code) AS place
    FROM arrived JOIN bar USING (day_ms) WHERE arrived.clicks > bar.clicks
  )
  INSERT INTO clicks.top_days (day, partition, domain_id, code, clicks)
  SELECT date '1970-01-01' + (day_ms / ${dayMs})::int, $1, domain_id, code, clicks FROM ranked
  WHERE place <= ${topLinksMax}
  ON CONFLICT (day, partition, domain_id, code) DO UPDATE SET clicks = excluded.clicks`

const trimText = `DELETE FROM clicks.top_days WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM (
      SELECT ctid, row_number() OVER (PARTITION BY day ORDER BY clicks DESC, domain_id, code) AS place
      FROM clicks.top_days
      WHERE partition = $1 AND day = ANY(SELECT date '1970-01-01' + (ms / ${dayMs})::int FROM unnest($2::bigint[]) AS ms)
    ) AS ranked WHERE place > ${topLinksMax}))`

/** The series of this batch must have been written in this transaction. */
export async function writeTop(
  transaction: Queryable,
  partition: number,
  series: readonly SeriesRow[],
): Promise<void> {
  const links = series.filter(({ grainSeconds }) => grainSeconds === grainsSeconds.day)
  if (links.length === 0) return
  const days = [...new Set(links.map(({ startMs }) => startMs))]
  const { rowCount } = await transaction.query({
    name: 'add-top-days',
    text: addText,
    values: [
      partition,
      days,
      links.map((row) => row.domainId),
      links.map((row) => row.code),
      links.map((row) => row.startMs),
    ],
  })
  if (rowCount > 0)
    await transaction.query({ name: 'trim-top-days', text: trimText, values: [partition, days] })
}
