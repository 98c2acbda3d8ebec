/** The statements that statistics are read with. Each is one answer whole, so that its parts are of one snapshot. */
import { allTimeSeconds, dayMs, grainsSeconds } from '../../domain/grains.ts'

/** The most frequent values of a trait that one answer names; the others are part of its unnamed rest. */
const traitValuesMax = 50

export const epochMs = (column: string) => `(extract(epoch FROM ${column}) * 1000)::bigint`
const dateOf = (parameter: string) => `(to_timestamp(${parameter} / 1000.0) AT TIME ZONE 'UTC')::date`

/** null while nothing is known of some partition (see noteProgress in click-store-pg.ts). */
export const asOfText = `(SELECT nullif((extract(epoch FROM min(caught_up_at)) * 1000)::bigint, 0) FROM clicks.progress)`
const ofLink = 'domain_id = $1 AND code = $2'
const inRange = 'start_at >= to_timestamp($4 / 1000.0) AND start_at < to_timestamp($5 / 1000.0)'
const inDays = `day >= ${dateOf('$6')} AND day < ${dateOf('$7')}`

const seriesText = `(SELECT coalesce(json_agg(json_build_array(${epochMs('start_at')}, humans, bots)), '[]')
    FROM clicks.series WHERE ${ofLink} AND grain_seconds = $3 AND ${inRange})`

/** Intervals that no grain has are put together from a finer one, by where each of them begins ($8, ascending). */
const bucketsText = `(SELECT coalesce(json_agg(json_build_array(start_ms, humans, bots)), '[]') FROM (
    SELECT ($8::bigint[])[width_bucket(${epochMs('start_at')}, $8::bigint[])] AS start_ms,
      sum(humans) AS humans, sum(bots) AS bots
    FROM clicks.series WHERE ${ofLink} AND grain_seconds = $3 AND ${inRange} GROUP BY 1) AS buckets)`

const linkTextWith = (series: string) => `SELECT
  (SELECT json_build_object('humans', humans, 'bots', bots, 'orphans', orphans,
      'firstClickAtMs', ${epochMs('first_click_at')}, 'lastClickAtMs', ${epochMs('last_click_at')})
    FROM clicks.totals WHERE ${ofLink}) AS counts,
  ${series} AS series,
  (SELECT coalesce(json_agg(json_build_array(trait, value, humans, bots)), '[]') FROM (
    SELECT trait, value, sum(humans) AS humans, sum(bots) AS bots,
      row_number() OVER (PARTITION BY trait ORDER BY sum(humans) + sum(bots) DESC, value) AS place
    FROM clicks.trait_counts WHERE ${ofLink} AND ${inDays}
    GROUP BY trait, value) AS ranked WHERE place <= ${traitValuesMax}) AS traits,
  (SELECT json_build_object('humans', coalesce(sum(humans), 0), 'bots', coalesce(sum(bots), 0))
    FROM clicks.series WHERE ${ofLink} AND grain_seconds = ${grainsSeconds.day}
      AND start_at >= to_timestamp($6 / 1000.0) AND start_at < to_timestamp($7 / 1000.0)) AS days,
  (SELECT coalesce(sum(visitors), 0)::bigint FROM clicks.visitor_days WHERE ${ofLink} AND ${inDays}) AS visitors,
  (SELECT clicks FROM clicks.recent_clicks WHERE ${ofLink}) AS recent,
  (SELECT coalesce(json_agg(json_build_array(reason, clicks)), '[]')
    FROM clicks.link_orphans WHERE ${ofLink}) AS orphans,
  ${asOfText} AS as_of_ms`

export const linkText = linkTextWith(seriesText)
export const linkInBucketsText = linkTextWith(bucketsText)

/**
 * Days of one value of one trait, and whether the link has any clicks at all. A day may have two rows, one that an earlier
 * version counted.
 */
export const filteredText = `SELECT
  EXISTS (SELECT FROM clicks.totals WHERE ${ofLink}) AS known,
  (SELECT coalesce(json_agg(json_build_array((day - date '1970-01-01') * ${dayMs}::bigint, humans, bots)), '[]')
    FROM (SELECT day, sum(humans) AS humans, sum(bots) AS bots
      FROM clicks.trait_counts WHERE ${ofLink} AND trait = $5 AND value = $6
        AND day >= ${dateOf('$3')} AND day < ${dateOf('$4')} GROUP BY day) AS summed) AS series,
  ${asOfText} AS as_of_ms`

export const fleetText = `SELECT
  (SELECT json_build_object('humans', coalesce(sum(humans), 0), 'bots', coalesce(sum(bots), 0))
    FROM clicks.fleet_series WHERE grain_seconds = ${allTimeSeconds}) AS counts,
  (SELECT coalesce(json_agg(json_build_array(start_ms, humans, bots)), '[]') FROM (
    SELECT ($4::bigint[])[width_bucket(${epochMs('start_at')}, $4::bigint[])] AS start_ms,
      sum(humans) AS humans, sum(bots) AS bots
    FROM clicks.fleet_series WHERE grain_seconds = $1
      AND start_at >= to_timestamp($2 / 1000.0) AND start_at < to_timestamp($3 / 1000.0)
    GROUP BY 1) AS summed) AS series,
  (SELECT coalesce(json_agg(json_build_array(reason, clicks)), '[]') FROM (
    SELECT reason, sum(clicks) AS clicks FROM clicks.orphan_days
    WHERE day >= ${dateOf('$5')} AND day < ${dateOf('$6')} GROUP BY reason) AS summed) AS orphans,
  ${asOfText} AS as_of_ms`

export const totalsText = `SELECT
  (SELECT coalesce(json_agg(json_build_array(domain_id, code, humans, bots)), '[]')
    FROM unnest($1::int[], $2::text[]) AS asked(domain_id, code) JOIN clicks.totals USING (domain_id, code)) AS totals,
  ${asOfText} AS as_of_ms`

/** Totals of watched links, and of the fleet where $3 says so. */
export const liveText = `${totalsText},
  CASE WHEN $3 THEN (SELECT json_build_object('humans', coalesce(sum(humans), 0), 'bots', coalesce(sum(bots), 0))
    FROM clicks.fleet_series WHERE grain_seconds = ${allTimeSeconds}) END AS fleet`

/** Candidates above what is asked for: the order of their days' sums is not yet that of all their clicks. */
const candidatesForEach = 5

/** The lists of the days name the candidates, and the series say exactly how many clicks each has. */
export const topText = `WITH candidates AS MATERIALIZED (
    SELECT domain_id, code FROM clicks.top_days
    WHERE day >= ${dateOf('$1')} AND day < ${dateOf('$2')}
    GROUP BY domain_id, code ORDER BY sum(clicks) DESC, domain_id, code LIMIT $3 * ${candidatesForEach}
  )
  SELECT (SELECT coalesce(json_agg(json_build_array(domain_id, code, humans, bots)), '[]') FROM (
      SELECT domain_id, code, sums.humans, sums.bots FROM candidates CROSS JOIN LATERAL (
        SELECT sum(humans) AS humans, sum(bots) AS bots FROM clicks.series
        WHERE series.domain_id = candidates.domain_id AND series.code = candidates.code
          AND grain_seconds = ${grainsSeconds.day}
          AND start_at >= to_timestamp($1 / 1000.0) AND start_at < to_timestamp($2 / 1000.0)) AS sums
      ORDER BY sums.humans + sums.bots DESC, domain_id, code LIMIT $3) AS first) AS links,
    ${asOfText} AS as_of_ms`
