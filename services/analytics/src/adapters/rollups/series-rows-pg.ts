/**
 * Adds to the series, and keeps for each day and Kafka partition the links with the most clicks. A link's clicks change
 * only in a batch that holds it, and each batch compares its links with the list, so the list is exact after every batch
 * and its cost does not grow with links or clicks.
 */
import type { Queryable } from '@linkfleet/runtime/postgres'
import { dayMs, grainsSeconds } from '../../domain/grains.ts'
import type { SeriesRow } from '../../domain/rollup.ts'

/** Links of one day and partition. */
export const topLinksMax = 100

/**
 * One statement adds to the series and compares what their days have become with the lists. A full list takes a link
 * only above its last one, so that links with as many clicks do not push each other out. The links that are already in
 * it are above themselves after their new clicks.
 */
const addText = `WITH bar AS MATERIALIZED (
    SELECT start_at, coalesce((
        SELECT clicks FROM clicks.top_days
        WHERE day = (start_at AT TIME ZONE 'UTC')::date AND partition = $1
        ORDER BY clicks DESC OFFSET ${topLinksMax - 1} LIMIT 1), 0) AS clicks
    FROM (SELECT to_timestamp(unnest($2::bigint[]) / 1000.0) AS start_at) AS days
  ), added AS (
    INSERT INTO clicks.series AS kept (domain_id, code, grain_seconds, start_at, humans, bots)
    SELECT domain_id, code, grain_seconds, to_timestamp(start_ms / 1000.0), humans, bots
    FROM unnest($3::int[], $4::text[], $5::int[], $6::bigint[], $7::bigint[], $8::bigint[])
      AS arrived(domain_id, code, grain_seconds, start_ms, humans, bots)
    ON CONFLICT (domain_id, code, grain_seconds, start_at)
    DO UPDATE SET humans = kept.humans + excluded.humans, bots = kept.bots + excluded.bots
    RETURNING domain_id, code, grain_seconds, start_at, kept.humans + kept.bots AS clicks
  ), ranked AS (
    SELECT domain_id, code, start_at, added.clicks,
      row_number() OVER (PARTITION BY start_at ORDER BY added.clicks DESC, domain_id, code) AS place
    FROM added JOIN bar USING (start_at)
    WHERE grain_seconds = ${grainsSeconds.day} AND added.clicks > bar.clicks
  )
  INSERT INTO clicks.top_days (day, partition, domain_id, code, clicks)
  SELECT (start_at AT TIME ZONE 'UTC')::date, $1, domain_id, code, clicks FROM ranked WHERE place <= ${topLinksMax}
  ON CONFLICT (day, partition, domain_id, code) DO UPDATE SET clicks = excluded.clicks`

const trimText = `DELETE FROM clicks.top_days WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM (
      SELECT ctid, row_number() OVER (PARTITION BY day ORDER BY clicks DESC, domain_id, code) AS place
      FROM clicks.top_days
      WHERE partition = $1 AND day = ANY(SELECT date '1970-01-01' + (ms / ${dayMs})::int FROM unnest($2::bigint[]) AS ms)
    ) AS ranked WHERE place > ${topLinksMax}))`

/** Adds the rows to the series, and the links that belong there to the lists of their days. */
export async function writeSeries(
  transaction: Queryable,
  partition: number,
  series: readonly SeriesRow[],
): Promise<void> {
  const days = new Set<number>()
  for (const { grainSeconds, startMs } of series) if (grainSeconds === grainsSeconds.day) days.add(startMs)
  const { rowCount } = await transaction.query({
    name: 'add-series',
    text: addText,
    values: [
      partition,
      [...days],
      series.map((row) => row.domainId),
      series.map((row) => row.code),
      series.map((row) => row.grainSeconds),
      series.map((row) => row.startMs),
      series.map((row) => row.humans),
      series.map((row) => row.bots),
    ],
  })
  if (rowCount > 0) {
    await transaction.query({ name: 'trim-top-days', text: trimText, values: [partition, [...days]] })
  }
}
