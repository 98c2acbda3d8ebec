/** Adds a rollup to its tables: rows travel as arrays, in key order. */
import type { Queryable } from '@linkfleet/runtime/postgres'
import { dayMs } from '../../domain/grains.ts'
import type { Rollup } from '../../domain/rollup.ts'
import { writeRecents } from './recent-rows-pg.ts'
import { writeSeries } from './series-rows-pg.ts'
import { writeTraits } from './trait-rows-pg.ts'
import { writeVisitors } from './visitor-rows-pg.ts'

interface Column {
  readonly type: 'int' | 'smallint' | 'bigint' | 'text' | 'ms' | 'day'
  readonly values: readonly (number | string | null)[]
}

interface Upsert {
  readonly table: string
  /** The columns of the key. */
  readonly key: Readonly<Record<string, Column>>
  /** Columns whose numbers are added to what is there. */
  readonly add: Readonly<Record<string, readonly number[]>>
  /** Columns that keep the lesser or the greater moment. */
  readonly keep?: Readonly<Record<string, { readonly pick: 'LEAST' | 'GREATEST'; readonly column: Column }>>
}

/** Rows of one statement, so that none is long however many links a batch has. */
const rowsMax = 5_000
/** Of rows that are read, changed here and written back: it bounds what full ones hold of memory. */
const foldedRowsMax = 250

export async function writeRollup(transaction: Queryable, partition: number, rollup: Rollup): Promise<void> {
  const add = async (upsert: Upsert) => {
    await transaction.query(toQuery(upsert))
  }
  // Totals first: their locks are what the reads of the others rely on.
  for (const rows of chunksOf(rollup.totals, rowsMax)) await add(totalsUpsert(rows))
  for (const rows of chunksOf(rollup.fleet, rowsMax)) await add(fleetUpsert(partition, rows))
  for (const rows of chunksOf(rollup.orphans, rowsMax)) await add(orphansUpsert(partition, rows))
  for (const rows of chunksOf(rollup.linkOrphans, rowsMax)) await add(linkOrphansUpsert(rows))
  for (const rows of chunksOf(rollup.series, rowsMax)) await writeSeries(transaction, partition, rows)
  for (const rows of chunksOf(rollup.traits, foldedRowsMax)) await writeTraits(transaction, rows)
  for (const rows of chunksOf(rollup.visitors, foldedRowsMax)) await writeVisitors(transaction, rows)
  for (const rows of chunksOf(rollup.recents, rowsMax)) await writeRecents(transaction, rows)
}

function* chunksOf<Row>(rows: readonly Row[], size: number): Generator<readonly Row[]> {
  for (let from = 0; from < rows.length; from += size) yield rows.slice(from, from + size)
}

function totalsUpsert(rows: Rollup['totals']): Upsert {
  return {
    table: 'totals',
    key: linkKey(rows),
    add: { ...tallies(rows), orphans: rows.map((row) => row.orphans) },
    keep: {
      first_click_at: { pick: 'LEAST', column: ms(rows.map((row) => row.firstMs)) },
      last_click_at: { pick: 'GREATEST', column: ms(rows.map((row) => row.lastMs)) },
    },
  }
}

function fleetUpsert(partition: number, rows: Rollup['fleet']): Upsert {
  return {
    table: 'fleet_series',
    key: {
      grain_seconds: int(rows.map((row) => row.grainSeconds)),
      start_at: ms(rows.map((row) => row.startMs)),
      partition: int(rows.map(() => partition)),
    },
    add: { ...tallies(rows), orphans: rows.map((row) => row.orphans) },
  }
}

function orphansUpsert(partition: number, rows: Rollup['orphans']): Upsert {
  return {
    table: 'orphan_days',
    key: {
      day: day(rows.map((row) => row.dayMs)),
      domain_id: int(rows.map((row) => row.domainId)),
      reason: { type: 'smallint', values: rows.map((row) => row.reason) },
      partition: int(rows.map(() => partition)),
    },
    add: { clicks: rows.map((row) => row.clicks) },
  }
}

function linkOrphansUpsert(rows: Rollup['linkOrphans']): Upsert {
  return {
    table: 'link_orphans',
    key: { ...linkKey(rows), reason: { type: 'smallint', values: rows.map((row) => row.reason) } },
    add: { clicks: rows.map((row) => row.clicks) },
  }
}

/** Moments and days travel as milliseconds and are made by the server, which knows no time zone but UTC this way. */
const arrays: Readonly<Record<Column['type'], { cast: string; from: (name: string) => string }>> = {
  int: { cast: 'int[]', from: (name) => name },
  smallint: { cast: 'smallint[]', from: (name) => name },
  bigint: { cast: 'bigint[]', from: (name) => name },
  text: { cast: 'text[]', from: (name) => name },
  ms: { cast: 'bigint[]', from: (name) => `to_timestamp(${name} / 1000.0)` },
  day: { cast: 'bigint[]', from: (name) => `date '1970-01-01' + (${name} / ${dayMs})::int` },
}

function toQuery(upsert: Upsert): { name: string; text: string; values: unknown[] } {
  const added = Object.entries(upsert.add)
  const kept = Object.entries(upsert.keep ?? {})
  const columns: [string, Column][] = [
    ...Object.entries(upsert.key),
    ...added.map(([name, values]): [string, Column] => [name, { type: 'bigint', values }]),
    ...kept.map(([name, { column }]): [string, Column] => [name, column]),
  ]
  const names = columns.map(([name]) => name).join(', ')
  const arrived = columns.map(([, { type }], index) => `$${index + 1}::${arrays[type].cast}`).join(', ')
  const made = columns.map(([name, { type }]) => arrays[type].from(`arrived.${name}`)).join(', ')
  const changes = [
    ...added.map(([name]) => `${name} = kept.${name} + excluded.${name}`),
    ...kept.map(([name, { pick }]) => `${name} = ${pick}(kept.${name}, excluded.${name})`),
  ]
  return {
    name: `add-${upsert.table}`,
    text: `INSERT INTO clicks.${upsert.table} AS kept (${names})
      SELECT ${made} FROM unnest(${arrived}) AS arrived(${names})
      ON CONFLICT (${Object.keys(upsert.key).join(', ')}) DO UPDATE SET ${changes.join(', ')}`,
    values: columns.map(([, { values }]) => values),
  }
}

type Keyed = readonly { readonly domainId: number; readonly code: string }[]

function linkKey(rows: Keyed): Record<string, Column> {
  return {
    domain_id: int(rows.map((row) => row.domainId)),
    code: { type: 'text', values: rows.map((row) => row.code) },
  }
}

function tallies(rows: readonly { readonly humans: number; readonly bots: number }[]) {
  return { humans: rows.map((row) => row.humans), bots: rows.map((row) => row.bots) }
}

function int(values: readonly number[]): Column {
  return { type: 'int', values }
}

function ms(values: readonly (number | null)[]): Column {
  return { type: 'ms', values }
}

function day(values: readonly number[]): Column {
  return { type: 'day', values }
}
