/**
 * The clicks a link with max_clicks still has. A lease is committed before it is answered, so what redirects hold
 * never adds up to more than the limit, however many there are: one that dies takes its lease with it. One statement
 * does it all, and the row of the budget is its lock.
 */
import type { Pool } from '@linkfleet/runtime/postgres'
import { type LinkKey, linkStates } from '../domain/link.ts'
import type { ClickBudgets, ClickGrant, ReturnedLease } from '../ports.ts'
import { boundedChange, boundedRead } from './store-errors-pg.ts'

/** Of what is left, one lease gets at most this part, so that leases shrink to single clicks near the end. */
const leasePart = 8
const uniqueViolation = '23505'

export function openClickBudgetsPg(pool: Pool): ClickBudgets {
  return {
    take: (key, requestId, wanted) =>
      wanted === 0
        ? boundedRead(() => look(pool, key))
        : boundedChange(() => take(pool, key, requestId, wanted)),
    giveBack: (leases) => boundedChange(() => giveBack(pool, leases)),
  }
}

const grantOf = (taken: string) =>
  `greatest(0, least($4::bigint, greatest(1, (l.max_clicks - ${taken}) / ${leasePart}), l.max_clicks - ${taken}))`

const takeClicks = {
  name: 'take-clicks',
  text: `
WITH l AS MATERIALIZED (
  SELECT domain_id, code, created_version, version, max_clicks FROM links.links
  WHERE domain_id = $1 AND code = $2 AND state = ${linkStates.live}
), budget AS (
  INSERT INTO links.click_budgets AS b (domain_id, code, created_version, taken)
  SELECT l.domain_id, l.code, l.created_version, ${grantOf('0')} FROM l WHERE l.max_clicks IS NOT NULL
  ON CONFLICT (domain_id, code, created_version) DO UPDATE
    SET taken = b.taken + (SELECT ${grantOf('b.taken')} FROM l)
  RETURNING (new.taken - coalesce(old.taken, 0))::int AS granted, new.taken AS taken
), lease AS (
  INSERT INTO links.click_leases (domain_id, code, request_id, created_version, granted)
  SELECT l.domain_id, l.code, $3, l.created_version, budget.granted FROM l, budget WHERE budget.granted > 0
)
SELECT l.version, l.max_clicks, budget.granted, budget.taken FROM l LEFT JOIN budget ON true`,
}

async function take(
  pool: Pool,
  key: LinkKey,
  requestId: Uint8Array,
  wanted: number,
): Promise<ClickGrant | undefined> {
  const values = [key.domainId, key.code, Buffer.from(requestId), wanted]
  try {
    const { rows } = await pool.query<GrantRow>({ ...takeClicks, values })
    return grantOfRow(rows[0])
  } catch (error) {
    // The request came before, and its lease undoes this one: it gets what it got then.
    if ((error as { code?: unknown }).code !== uniqueViolation) throw error
    const { rows } = await pool.query<GrantRow>({ ...repeatedTake, values: values.slice(0, 3) })
    return grantOfRow(rows[0])
  }
}

interface GrantRow {
  readonly [column: string]: unknown
  readonly version: number
  readonly max_clicks: number | null
  readonly granted: number | null
  readonly taken: number | null
}

function grantOfRow(row: GrantRow | undefined): ClickGrant | undefined {
  if (row === undefined) return undefined
  const { version, max_clicks: maxClicks } = row
  if (maxClicks === null) return { version, isLimited: false, granted: 0, left: 0 }
  const left = Math.max(0, maxClicks - (row.taken ?? 0))
  return { version, isLimited: true, granted: row.granted ?? 0, left }
}

const budgetOf = `LEFT JOIN links.click_budgets AS b
    ON b.domain_id = l.domain_id AND b.code = l.code AND b.created_version = l.created_version`

/** A lease that was returned meanwhile, or that is of an earlier link of this code, grants nothing any more. */
const repeatedTake = {
  name: 'repeated-take-clicks',
  text: `SELECT l.version, l.max_clicks, e.granted, b.taken FROM links.links AS l ${budgetOf}
  LEFT JOIN links.click_leases AS e ON e.domain_id = l.domain_id AND e.code = l.code AND e.request_id = $3
    AND e.created_version = l.created_version AND e.returned IS NULL
  WHERE l.domain_id = $1 AND l.code = $2 AND l.state = ${linkStates.live}`,
}

async function look(pool: Pool, key: LinkKey): Promise<ClickGrant | undefined> {
  const { rows } = await pool.query<GrantRow>({
    name: 'look-at-clicks',
    text: `SELECT l.version, l.max_clicks, 0 AS granted, b.taken FROM links.links AS l ${budgetOf}
  WHERE l.domain_id = $1 AND l.code = $2 AND l.state = ${linkStates.live}`,
    values: [key.domainId, key.code],
  })
  return grantOfRow(rows[0])
}

/** Budgets are locked in the order of their keys, so that two returns of many leases never wait for each other. */
const returnClicks = {
  name: 'return-clicks',
  text: `
WITH given AS (
  SELECT * FROM unnest($1::int[], $2::text[], $3::bytea[], $4::int[]) AS g(domain_id, code, request_id, unused)
), locked AS MATERIALIZED (
  SELECT b.domain_id, b.code, b.created_version FROM links.click_budgets AS b
  WHERE (b.domain_id, b.code) IN (SELECT g.domain_id, g.code COLLATE "C" FROM given AS g)
  ORDER BY b.domain_id, b.code, b.created_version FOR UPDATE
), settled AS (
  UPDATE links.click_leases AS e SET returned = least(g.unused, e.granted) FROM given AS g, locked AS k
  WHERE e.domain_id = g.domain_id AND e.code = g.code COLLATE "C" AND e.request_id = g.request_id
    AND e.returned IS NULL AND g.unused >= 0
    AND (k.domain_id, k.code, k.created_version) = (e.domain_id, e.code, e.created_version)
  RETURNING e.domain_id, e.code, e.created_version, e.returned
), sums AS (
  SELECT domain_id, code, created_version, sum(returned) AS returned FROM settled GROUP BY 1, 2, 3
)
UPDATE links.click_budgets AS b SET taken = b.taken - s.returned FROM sums AS s
WHERE (b.domain_id, b.code, b.created_version) = (s.domain_id, s.code, s.created_version)`,
}

async function giveBack(pool: Pool, leases: readonly ReturnedLease[]): Promise<void> {
  await pool.query({
    ...returnClicks,
    values: [
      leases.map(({ key }) => key.domainId),
      leases.map(({ key }) => key.code),
      leases.map(({ requestId }) => Buffer.from(requestId)),
      leases.map(({ unused }) => unused),
    ],
  })
}
