/**
 * Adds the traits of a batch, and bounds how many values of a trait a link's day can have: the headers that they come
 * from are the client's to forge. A click whose value finds no room has no row, so it is part of the unnamed rest that
 * readers get as the day's clicks less the named ones, and every sum stays that of the clicks.
 *
 * The bound holds under concurrency, since whoever writes traits of a link has written its row of clicks.totals in the
 * same transaction: that row's lock lets the next writer's statement begin, and take its snapshot, after the commit.
 */
import type { Queryable } from '@linkfleet/runtime/postgres'
import type { TraitRow } from '../domain/rollup.ts'
import { traitValuesADayMax } from '../domain/traits.ts'

const sameTrait = `(held.domain_id, held.code, held.day, held.trait)
  = (arrived.domain_id, arrived.code, arrived.day, arrived.trait)`

/**
 * Values are counted once for each trait of a link's day (`place = 1`), and looked up one by one only where they may
 * not all find room. Scalar subqueries, since they are never planned as a scan of the whole table.
 * New values that do not all fit enter by their clicks.
 */
const addTraitsText = `WITH arrived AS (
    SELECT domain_id, code, day, trait, value, humans, bots,
      row_number() OVER one_trait AS place, count(*) OVER (PARTITION BY domain_id, code, day, trait) AS arriving
    FROM (
      SELECT domain_id, code COLLATE "C" AS code, date '1970-01-01' + (day_ms / 86400000)::int AS day,
        trait, value COLLATE "C" AS value, humans, bots
      FROM unnest($1::int[], $2::text[], $3::bigint[], $4::smallint[], $5::text[], $6::bigint[], $7::bigint[])
        AS sent(domain_id, code, day_ms, trait, value, humans, bots)) AS typed
    WINDOW one_trait AS (PARTITION BY domain_id, code, day, trait ORDER BY value)
  ), counted AS (
    SELECT arrived.*, max(CASE WHEN place = 1 THEN (
        SELECT count(*) FROM (
          SELECT FROM clicks.trait_days AS held WHERE ${sameTrait} LIMIT ${traitValuesADayMax}) AS counted
      ) END) OVER (PARTITION BY domain_id, code, day, trait) AS held_values
    FROM arrived
  ), looked_up AS (
    SELECT arrived.*, held_values + arriving > ${traitValuesADayMax} AND coalesce((
        SELECT true FROM clicks.trait_days AS held WHERE ${sameTrait} AND held.value = arrived.value LIMIT 1
      ), false) AS is_held
    FROM counted AS arrived
  ), ranked AS (
    SELECT *, row_number() OVER (
        PARTITION BY domain_id, code, day, trait, is_held ORDER BY humans + bots DESC, value) AS entry
    FROM looked_up
  )
  INSERT INTO clicks.trait_days AS kept (domain_id, code, day, trait, value, humans, bots)
  SELECT domain_id, code, day, trait, value, humans, bots FROM ranked
  WHERE is_held OR held_values + entry <= ${traitValuesADayMax}
  ORDER BY domain_id, code, day, trait, value
  ON CONFLICT (domain_id, code, day, trait, value)
  DO UPDATE SET humans = kept.humans + excluded.humans, bots = kept.bots + excluded.bots`

/** The rows of clicks.totals of these links must have been written in this transaction. */
export async function writeTraits(transaction: Queryable, traits: readonly TraitRow[]): Promise<void> {
  if (traits.length === 0) return
  await transaction.query({
    name: 'add-trait-days',
    text: addTraitsText,
    values: [
      traits.map((row) => row.domainId),
      traits.map((row) => row.code),
      traits.map((row) => row.dayMs),
      traits.map((row) => row.trait),
      traits.map((row) => row.value),
      traits.map((row) => row.humans),
      traits.map((row) => row.bots),
    ],
  })
}
