/**
 * The transaction of a group of creates: idempotency records, links and outbox rows, in one statement. Rows are
 * written in the order of their keys, so that two groups never wait for each other in a circle. A taken code is
 * left alone, whoever has it; an alias whose row is a tombstone is taken over. Nothing here fails because of a
 * neighbour: an item's fate is a row of the result.
 */
import type { Pool, Row, Transaction } from '@linkfleet/runtime/postgres'
import { type Idempotency, idempotencyKeptMs } from '../domain/idempotency.ts'
import { defaultRedirectStatus } from '../domain/judge-options.ts'
import { defaultDomainId, type Link, linkStates } from '../domain/link.ts'
import type { InsertOutcome, LinkToInsert } from '../ports.ts'
import { freshnessColumns, linkColumns, toLink } from './link-row-pg.ts'

/** How long a change by itself waits for somebody else's lock: less than the time in which an answer is due. */
export const lockWaitMs = 600

/** A frozen process must not keep others from its aliases: its transaction is ended by the server. */
export const beginChange = (lockTimeoutMs: number) =>
  `BEGIN; SET LOCAL idle_in_transaction_session_timeout = 1000; SET LOCAL lock_timeout = ${lockTimeoutMs}`

// Tags travel as one text, since unnest would flatten an array of arrays; judged tags hold no control characters.
const tagSeparator = '\u001f'

const insertLinks = {
  name: 'insert-links',
  text: `
WITH item AS MATERIALIZED (
  SELECT i.*, nextval('links.version_seq') AS version,
    date_trunc('milliseconds', statement_timestamp()) AS created_at
  FROM unnest($1::int[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::text[],
      $8::bytea[], $9::bytea[], $10::text[], $13::smallint[], $14::boolean[], $15::timestamptz[], $16::bigint[], $17::text[])
    AS i(position, code, target_url, title, tags, expires_at, created_by, key_hash, request_hash, link,
      redirect_status, forward_query, starts_at, max_clicks, password_verifier)
), claimed AS (
  INSERT INTO links.idempotency_records AS r (key_hash, request_hash, link, version, created_at)
  SELECT key_hash, request_hash, link::jsonb, version, created_at
  FROM item WHERE key_hash IS NOT NULL ORDER BY key_hash
  ON CONFLICT (key_hash) DO UPDATE
    SET request_hash = EXCLUDED.request_hash, link = EXCLUDED.link, version = EXCLUDED.version,
      created_at = EXCLUDED.created_at
    WHERE r.created_at < statement_timestamp() - make_interval(secs => ${idempotencyKeptMs / 1000})
  RETURNING r.key_hash
), made AS (
  INSERT INTO links.links AS l (domain_id, code, version, created_version, target_url, title, tags,
    redirect_status, forward_query, starts_at, expires_at, max_clicks, password_protected, password_verifier,
    created_by, created_at, updated_at)
  SELECT $11::int, code, version, version, target_url, title, string_to_array(tags, '${tagSeparator}'),
    redirect_status, forward_query, starts_at, expires_at, max_clicks, password_verifier IS NOT NULL, password_verifier,
    created_by, created_at, created_at
  FROM item
  WHERE key_hash IS NULL OR key_hash IN (SELECT key_hash FROM claimed)
  ORDER BY code
  ON CONFLICT (domain_id, code) DO UPDATE
    SET version = EXCLUDED.version, created_version = EXCLUDED.version, state = ${linkStates.live},
      target_url = EXCLUDED.target_url, title = EXCLUDED.title, tags = EXCLUDED.tags,
      redirect_status = EXCLUDED.redirect_status, forward_query = EXCLUDED.forward_query,
      starts_at = EXCLUDED.starts_at, expires_at = EXCLUDED.expires_at, max_clicks = EXCLUDED.max_clicks,
      password_protected = EXCLUDED.password_protected, password_verifier = EXCLUDED.password_verifier,
      created_by = EXCLUDED.created_by,
      created_at = EXCLUDED.created_at, updated_at = EXCLUDED.updated_at
    WHERE l.state = ${linkStates.deleted} AND l.code = ANY($12::text[])
      -- A deletion that overtook this statement has the later version: to this create the alias was still taken.
      AND l.version < EXCLUDED.version
  RETURNING ${linkColumns('l')}
), told AS (
  INSERT INTO links.outbox (version, domain_id, code) SELECT version, domain_id, code FROM made
)
SELECT item.position, claimed.key_hash IS NOT NULL AS is_claimed, ${freshnessColumns}, ${linkColumns('made')}
FROM item
LEFT JOIN claimed ON claimed.key_hash = item.key_hash
LEFT JOIN made ON made.code = item.code AND (item.key_hash IS NULL OR claimed.key_hash IS NOT NULL)`,
} as const

interface Placed {
  readonly position: number
  readonly item: LinkToInsert
}

/**
 * One outcome for each item, in order. Of items that claim the same code or the same idempotency key the first goes
 * ahead; the others then mostly know their fate without a statement of their own.
 */
export async function insertLinkGroup(
  pool: Pool,
  items: readonly LinkToInsert[],
  lockTimeoutMs: number,
): Promise<InsertOutcome[]> {
  return await pool.transaction(async (transaction) => {
    const outcomes = new Array<InsertOutcome | undefined>(items.length)
    const takenCodes = new Set<string>()
    let waiting: readonly Placed[] = items.map((item, position) => ({ item, position }))
    while (waiting.length > 0) {
      const { ahead, behind } = splitClaims(waiting)
      await insertDistinct(transaction, ahead, outcomes)
      for (const { item, position } of ahead) {
        const kind = outcomes[position]?.kind
        if (kind === 'created' || kind === 'code-taken') takenCodes.add(item.code)
      }
      await replay(transaction, behind, outcomes)
      for (const { item, position } of behind) {
        if (takenCodes.has(item.code)) outcomes[position] ??= { kind: 'code-taken' }
      }
      waiting = behind.filter(({ position }) => outcomes[position] === undefined)
    }
    return outcomes as InsertOutcome[]
  }, beginChange(lockTimeoutMs))
}

function splitClaims(items: readonly Placed[]): { ahead: Placed[]; behind: Placed[] } {
  const claimed = new Set<string>()
  const ahead: Placed[] = []
  const behind: Placed[] = []
  for (const placed of items) {
    const claims = claimsOf(placed.item)
    const isBehind = claims.some((claim) => claimed.has(claim))
    ;(isBehind ? behind : ahead).push(placed)
    for (const claim of claims) claimed.add(claim)
  }
  return { ahead, behind }
}

/** What an item wants for itself alone. No code has a space. */
export function claimsOf({ code, idempotency }: LinkToInsert): string[] {
  return idempotency === null ? [code] : [code, keyClaimOf(idempotency)]
}

export const keyClaimOf = ({ keyHash }: Idempotency) => `key ${keyHash.toString('base64')}`

async function insertDistinct(
  transaction: Transaction,
  items: readonly Placed[],
  outcomes: (InsertOutcome | undefined)[],
): Promise<void> {
  const { rows } = await transaction.query({ ...insertLinks, values: toValues(items) })
  const byPosition = new Map(items.map((placed) => [placed.position, placed]))
  const unusedClaims: Buffer[] = []
  const toReplay: Placed[] = []
  for (const row of rows) {
    const placed = byPosition.get(row.position as number)
    if (placed === undefined) continue
    const { position, item } = placed
    if (row.version !== null) outcomes[position] = toCreated(row)
    else if (item.idempotency !== null && row.is_claimed === false) toReplay.push(placed)
    else {
      outcomes[position] = { kind: 'code-taken' }
      if (item.idempotency !== null) unusedClaims.push(item.idempotency.keyHash)
    }
  }
  if (unusedClaims.length > 0) await dropClaims(transaction, unusedClaims)
  await replay(transaction, toReplay, outcomes)
  // The record was pruned in between: its day is over, and to this attempt the key was still in use.
  for (const { position } of toReplay) outcomes[position] ??= { kind: 'idempotency-mismatch' }
}

const moment = (ms: number | null) => (ms === null ? null : new Date(ms))

function toValues(placed: readonly Placed[]): unknown[] {
  const items = placed.map(({ item }) => item)
  return [
    placed.map(({ position }) => position),
    items.map((item) => item.code),
    items.map(({ link }) => link.targetUrl),
    items.map(({ link }) => link.title),
    items.map(({ link }) => link.tags.join(tagSeparator)),
    items.map(({ link }) => moment(link.expiresAtMs)),
    items.map(({ link }) => link.createdBy),
    items.map(({ idempotency }) => idempotency?.keyHash ?? null),
    items.map(({ idempotency }) => idempotency?.requestHash ?? null),
    items.map((item) => (item.idempotency === null ? null : JSON.stringify(toRecord(item)))),
    defaultDomainId,
    items.filter(({ link }) => link.alias !== null).map((item) => item.code),
    items.map(({ link }) => link.redirectStatus),
    items.map(({ link }) => link.forwardQuery),
    items.map(({ link }) => moment(link.startsAtMs)),
    items.map(({ link }) => link.maxClicks),
    items.map((item) => item.passwordVerifier),
  ]
}

function toCreated(row: Row): InsertOutcome {
  const created = { link: toLink(row), asOfMs: row.as_of_ms as number, timeline: row.timeline as number }
  return { kind: 'created', created }
}

/** A create that failed leaves no record: a retry is judged anew. */
async function dropClaims(transaction: Transaction, keyHashes: readonly Buffer[]): Promise<void> {
  await transaction.query({
    name: 'drop-claims',
    text: 'DELETE FROM links.idempotency_records WHERE key_hash = ANY($1::bytea[])',
    values: [keyHashes],
  })
}

type LinkRecord = Omit<
  Link,
  'domainId' | 'version' | 'createdVersion' | 'state' | 'createdAtMs' | 'updatedAtMs'
>

function toRecord({ code, link, passwordVerifier }: LinkToInsert): LinkRecord {
  const { alias: _alias, password: _password, ...rest } = link
  return { ...rest, code, passwordProtected: passwordVerifier !== null, passwordVerifier }
}

/** What a record of a version that knew fewer options does not say. */
const optionsUnsaid = {
  redirectStatus: defaultRedirectStatus,
  forwardQuery: false,
  startsAtMs: null,
  maxClicks: null,
  passwordProtected: false,
  passwordVerifier: null,
}

/** Answers those items whose idempotency key has a record; leaves the others as they are. */
async function replay(
  transaction: Transaction,
  items: readonly Placed[],
  outcomes: (InsertOutcome | undefined)[],
): Promise<void> {
  const keyed = items.filter(({ item }) => item.idempotency !== null)
  if (keyed.length === 0) return
  const { rows } = await transaction.query({
    name: 'read-claims',
    text: `SELECT key_hash, request_hash, link, version, created_at FROM links.idempotency_records
      WHERE key_hash = ANY($1::bytea[])`,
    values: [keyed.map(({ item }) => item.idempotency?.keyHash)],
  })
  const records = new Map(rows.map((row) => [(row.key_hash as Buffer).toString('hex'), row]))
  for (const { position, item } of keyed) {
    const record = records.get(item.idempotency?.keyHash.toString('hex') ?? '')
    if (record === undefined) continue
    const isSame = item.idempotency?.requestHash.equals(record.request_hash as Buffer)
    outcomes[position] = isSame
      ? { kind: 'replayed', link: toReplayedLink(record) }
      : { kind: 'idempotency-mismatch' }
  }
}

/** What the same request was answered with; undefined when it made no link within the time that keys are kept. */
export async function findReplay(
  pool: Pool,
  { keyHash, requestHash }: Idempotency,
): Promise<Link | undefined> {
  const { rows } = await pool.query({
    name: 'find-replay',
    text: `SELECT link, version, created_at FROM links.idempotency_records
      WHERE key_hash = $1 AND request_hash = $2
        AND created_at >= statement_timestamp() - make_interval(secs => ${idempotencyKeptMs / 1000})`,
    values: [keyHash, requestHash],
  })
  return rows[0] === undefined ? undefined : toReplayedLink(rows[0])
}

function toReplayedLink(record: Row): Link {
  const version = record.version as number
  const createdAtMs = (record.created_at as Date).getTime()
  return {
    ...optionsUnsaid,
    ...(record.link as LinkRecord),
    domainId: defaultDomainId,
    version,
    createdVersion: version,
    state: linkStates.live,
    createdAtMs,
    updatedAtMs: createdAtMs,
  }
}
