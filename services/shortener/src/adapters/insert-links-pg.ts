/**
 * The one statement that makes links: idempotency records, links and outbox rows. Rows are written in the order of
 * their keys, so that two groups never wait for each other in a circle. A taken code is left alone, whoever has it; an
 * alias whose row is a tombstone is taken over. Nothing here fails because of a neighbour: an item's fate is a row of
 * the result.
 */
import type { Row, Transaction } from '@linkfleet/runtime/postgres'
import { defaultDomainId, type Link, linkStates } from '../domain/link.ts'
import type { InsertOutcome, LinkToInsert, Placed } from '../ports.ts'
import { claimItems, dropClaims, replay, toRecord } from './idempotency-records-pg.ts'
import {
  newLinkArrays,
  newLinkColumns,
  newLinkNames,
  newLinkSelection,
  newLinkValues,
  ownParametersFrom,
} from './new-link-rows-pg.ts'

const own = (place: number) => `$${ownParametersFrom + place}`

const insertLinks = {
  name: 'insert-links',
  text: `
WITH item AS MATERIALIZED (
  SELECT i.*, nextval('links.version_seq') AS version,
    date_trunc('milliseconds', statement_timestamp()) AS created_at
  FROM unnest(${newLinkArrays}, ${own(0)}::int[], ${own(1)}::bytea[], ${own(2)}::bytea[], ${own(3)}::text[])
    AS i(${newLinkNames}, position, key_hash, request_hash, link)
), claimed AS (
  ${claimItems}
), made AS (
  INSERT INTO links.links AS l (${newLinkColumns})
  SELECT ${newLinkSelection}
  FROM item
  WHERE code IS NOT NULL AND (key_hash IS NULL OR key_hash IN (SELECT key_hash FROM claimed))
  ORDER BY code
  ON CONFLICT (domain_id, code) DO UPDATE
    SET version = EXCLUDED.version, created_version = EXCLUDED.version, state = ${linkStates.live},
      target_url = EXCLUDED.target_url, title = EXCLUDED.title, tags = EXCLUDED.tags,
      redirect_status = EXCLUDED.redirect_status, forward_query = EXCLUDED.forward_query,
      starts_at = EXCLUDED.starts_at, expires_at = EXCLUDED.expires_at, max_clicks = EXCLUDED.max_clicks,
      password_protected = EXCLUDED.password_protected, password_verifier = EXCLUDED.password_verifier,
      created_by = EXCLUDED.created_by, created_at = EXCLUDED.created_at, updated_at = EXCLUDED.updated_at
    WHERE l.state = ${linkStates.deleted} AND l.code = ANY(${own(4)}::text[])
      -- A deletion that overtook this statement has the later version: to this create the alias was still taken.
      AND l.version < EXCLUDED.version
  RETURNING l.domain_id, l.code, l.version, l.created_at
), told AS (
  INSERT INTO links.outbox (version, domain_id, code) SELECT version, domain_id, code FROM made
)
SELECT item.position, claimed.key_hash IS NOT NULL AS is_claimed, made.version,
  floor(extract(epoch FROM made.created_at) * 1000)::bigint AS created_at_ms,
  -- What a change knows about its own moment; once for all rows.
  (SELECT floor(extract(epoch FROM statement_timestamp()) * 1000)::bigint) AS as_of_ms,
  (SELECT links.timeline()) AS timeline
FROM item
LEFT JOIN claimed ON claimed.key_hash = item.key_hash
LEFT JOIN made ON made.code = item.code AND (item.key_hash IS NULL OR claimed.key_hash IS NOT NULL)`,
} as const

/** Settles every item. No two of them may claim the same code or the same idempotency key. */
export async function insertDistinct(
  transaction: Transaction,
  items: readonly Placed[],
  outcomes: (InsertOutcome | undefined)[],
): Promise<void> {
  if (items.length === 0) return
  const { rows } = await transaction.query({ ...insertLinks, values: toValues(items) })
  const byPosition = new Map(items.map((placed) => [placed.position, placed]))
  const unusedClaims: Buffer[] = []
  const toReplay: Placed[] = []
  for (const row of rows) {
    const placed = byPosition.get(row.position as number)
    if (placed === undefined) continue
    const { position, item } = placed
    if (row.version !== null) outcomes[position] = toCreated(item, row)
    else if (item.idempotency !== null && row.is_claimed === false) toReplay.push(placed)
    else {
      outcomes[position] = { kind: 'code-taken' }
      if (item.idempotency !== null) unusedClaims.push(item.idempotency.keyHash)
    }
  }
  await dropClaims(transaction, unusedClaims)
  await replay(transaction, toReplay, outcomes)
  // The record was pruned in between: its day is over, and to this attempt the key was still in use.
  for (const { position } of toReplay) outcomes[position] ??= { kind: 'idempotency-mismatch' }
}

function toValues(placed: readonly Placed[]): unknown[] {
  const items = placed.map(({ item }) => item)
  return [
    ...newLinkValues(items),
    placed.map(({ position }) => position),
    items.map(({ idempotency }) => idempotency?.keyHash ?? null),
    items.map(({ idempotency }) => idempotency?.requestHash ?? null),
    items.map((item) => (item.idempotency === null ? null : JSON.stringify(toRecord(item)))),
    items.filter(({ link }) => link.alias !== null).map((item) => item.code),
  ]
}

/** What was stored is what was judged: only the version and the moment come from the database. */
export function toCreated({ code, link, passwordVerifier }: LinkToInsert, row: Row): InsertOutcome {
  const { alias: _alias, password: _password, reuse: _reuse, ...chosen } = link
  const version = row.version as number
  const createdAtMs = row.created_at_ms as number
  const created: Link = {
    ...chosen,
    domainId: defaultDomainId,
    code: code as string,
    version,
    createdVersion: version,
    state: linkStates.live,
    passwordProtected: passwordVerifier !== null,
    passwordVerifier,
    createdAtMs,
    updatedAtMs: createdAtMs,
  }
  const read = { link: created, asOfMs: row.as_of_ms as number, timeline: row.timeline as number }
  return { kind: 'created', created: read }
}
