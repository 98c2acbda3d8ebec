/**
 * Adds the traits of a batch to the packs of their links' days. Packs are read, added to here and written back: whoever
 * writes traits of a link has written its row of clicks.totals in the same transaction, and that row's lock keeps
 * others from reading between.
 */
import type { Queryable } from '@linkfleet/runtime/postgres'
import { dayMs } from '../../domain/grains.ts'
import type { TraitDay } from '../../domain/rollup.ts'
import { addToPack, type TraitPack } from '../../domain/trait-pack.ts'

/** The rows of clicks.totals of these links must have been written in this transaction. */
export async function writeTraits(transaction: Queryable, rows: readonly TraitDay[]): Promise<void> {
  const held = await readPacks(transaction, rows)
  const packs = rows.map(({ values }, index) => addToPack(held[index], values))
  await transaction.query({
    name: 'write-trait-packs',
    text: `INSERT INTO clicks.trait_packs (domain_id, code, day, names, humans, bots)
      SELECT domain_id, code, date '1970-01-01' + day, names, humans, bots
      FROM unnest($1::int[], $2::text[], $3::int[], $4::text[], $5::text[], $6::text[])
        AS packed(domain_id, code, day, names, humans, bots)
      ON CONFLICT (domain_id, code, day)
      DO UPDATE SET names = excluded.names, humans = excluded.humans, bots = excluded.bots`,
    values: [
      ...keysOf(rows),
      packs.map(({ names }) => names),
      packs.map(({ humans }) => humans),
      packs.map(({ bots }) => bots),
    ],
  })
}

/** One for each row, in their order. A lateral subquery with a limit is never planned as a scan of the whole table. */
async function readPacks(
  transaction: Queryable,
  rows: readonly TraitDay[],
): Promise<(TraitPack | undefined)[]> {
  const { rows: packs } = await transaction.query<Record<keyof TraitPack, string | null>>({
    name: 'read-trait-packs',
    text: `SELECT held.names, held.humans, held.bots
      FROM unnest($1::int[], $2::text[], $3::int[]) WITH ORDINALITY AS asked(domain_id, code, day, place)
      LEFT JOIN LATERAL (
        SELECT names, humans, bots FROM clicks.trait_packs AS pack
        WHERE pack.domain_id = asked.domain_id AND pack.code = asked.code COLLATE "C"
          AND pack.day = date '1970-01-01' + asked.day
        LIMIT 1) AS held ON true
      ORDER BY place`,
    values: keysOf(rows),
  })
  return packs.map(({ names, humans, bots }) =>
    names === null || humans === null || bots === null ? undefined : { names, humans, bots },
  )
}

function keysOf(rows: readonly TraitDay[]): unknown[] {
  return [
    rows.map(({ domainId }) => domainId),
    rows.map(({ code }) => code),
    rows.map((row) => row.dayMs / dayMs),
  ]
}
