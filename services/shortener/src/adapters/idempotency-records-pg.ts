/** What retried creates are answered with. A record lives and dies with the transaction that made the links. */
import type { Pool, Queryable, Row, Transaction } from '@linkfleet/runtime/postgres'
import { type Idempotency, idempotencyKeptMs } from '../domain/idempotency.ts'
import { defaultRedirectStatus } from '../domain/judge-options.ts'
import { defaultDomainId, type Link, linkStates } from '../domain/link.ts'
import type { BulkOutcome, BulkRecord, InsertOutcome, LinkToInsert, Placed } from '../ports.ts'

/** Whether a record under the alias `r` is past its day: then its key is as good as new. */
export const isPastItsDay = `r.created_at < statement_timestamp() - make_interval(secs => ${idempotencyKeptMs / 1000})`

/** A new link as it was created, without what the columns beside it say; of a reused link all of it. */
type LinkRecord = Omit<
  Link,
  'domainId' | 'version' | 'createdVersion' | 'state' | 'createdAtMs' | 'updatedAtMs'
> & { readonly isReused?: boolean }
/** null: no link can be made, so that no such record stays. */
type NewLinkRecord = Omit<LinkRecord, 'code'> & { readonly code: string | null }

export function toRecord({ code, link, passwordVerifier }: LinkToInsert): NewLinkRecord {
  const { alias: _alias, password: _password, reuse: _reuse, ...rest } = link
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

function toReplay(record: Row): Extract<InsertOutcome, { kind: 'replayed' }> {
  const version = record.version as number
  const createdAtMs = (record.created_at as Date).getTime()
  const { isReused = false, ...recorded } = record.link as LinkRecord
  const link = {
    ...optionsUnsaid,
    domainId: defaultDomainId,
    version,
    createdVersion: version,
    state: linkStates.live,
    createdAtMs,
    updatedAtMs: createdAtMs,
    ...recorded,
  }
  return { kind: 'replayed', link, isReused }
}

/** Settles those items whose idempotency key has a record; leaves the others as they are. */
export async function replay(
  transaction: Transaction,
  items: readonly Placed[],
  outcomes: (InsertOutcome | undefined)[],
): Promise<void> {
  const keyed = items.filter(
    ({ item, position }) => item.idempotency !== null && outcomes[position] === undefined,
  )
  if (keyed.length === 0) return
  const { rows } = await transaction.query({
    name: 'read-claims',
    text: `SELECT r.key_hash, r.request_hash, r.link, r.version, r.created_at FROM links.idempotency_records AS r
      WHERE r.key_hash = ANY($1::bytea[]) AND NOT (${isPastItsDay})`,
    values: [keyed.map(({ item }) => item.idempotency?.keyHash)],
  })
  const records = new Map(rows.map((row) => [(row.key_hash as Buffer).toString('hex'), row]))
  for (const { position, item } of keyed) {
    const record = records.get(item.idempotency?.keyHash.toString('hex') ?? '')
    if (record === undefined) continue
    const isSame = item.idempotency?.requestHash.equals(record.request_hash as Buffer)
    outcomes[position] = isSame ? toReplay(record) : { kind: 'idempotency-mismatch' }
  }
}

const upsertClaims = (source: string) => `INSERT INTO links.idempotency_records AS r
    (key_hash, request_hash, link, version, created_at)
  ${source}
  ON CONFLICT (key_hash) DO UPDATE
    SET request_hash = EXCLUDED.request_hash, link = EXCLUDED.link, version = EXCLUDED.version,
      created_at = EXCLUDED.created_at
    WHERE ${isPastItsDay}
  RETURNING r.key_hash`

/** The same for the one statement that makes links; `item` is its list of them. */
export const claimItems = upsertClaims(`SELECT key_hash, request_hash, link::jsonb, version, created_at
  FROM item WHERE key_hash IS NOT NULL ORDER BY key_hash`)

/** Records that keyed items were answered with links that were there already. Whose key is taken is left unsettled. */
export async function recordReused(
  transaction: Transaction,
  items: readonly Placed[],
  outcomes: (InsertOutcome | undefined)[],
): Promise<void> {
  const keyed = items.filter(
    ({ item, position }) => item.idempotency !== null && outcomes[position]?.kind === 'reused',
  )
  if (keyed.length === 0) return
  const records = keyed.map(({ position }) => {
    const outcome = outcomes[position]
    return outcome?.kind === 'reused' ? { ...outcome.link, isReused: true } : undefined
  })
  const { rows } = await transaction.query({
    name: 'record-reused',
    text: upsertClaims(`SELECT key_hash, request_hash, link::jsonb, version, date_trunc('milliseconds', statement_timestamp())
      FROM unnest($1::bytea[], $2::bytea[], $3::text[], $4::bigint[]) AS i(key_hash, request_hash, link, version)
      ORDER BY key_hash`),
    values: [
      keyed.map(({ item }) => item.idempotency?.keyHash),
      keyed.map(({ item }) => item.idempotency?.requestHash),
      records.map((record) => JSON.stringify(record)),
      records.map((record) => record?.version),
    ],
  })
  const claimed = new Set(rows.map((row) => (row.key_hash as Buffer).toString('hex')))
  for (const { position, item } of keyed) {
    if (!claimed.has(item.idempotency?.keyHash.toString('hex') ?? '')) outcomes[position] = undefined
  }
}

/** A create that failed leaves no record: a retry is judged anew. */
export async function dropClaims(transaction: Transaction, keyHashes: readonly Buffer[]): Promise<void> {
  if (keyHashes.length === 0) return
  await transaction.query({
    name: 'drop-claims',
    text: 'DELETE FROM links.idempotency_records WHERE key_hash = ANY($1::bytea[])',
    values: [keyHashes],
  })
}

async function readRecord(queryable: Queryable, { keyHash }: Idempotency): Promise<Row | undefined> {
  const { rows } = await queryable.query({
    name: 'find-replay',
    text: `SELECT r.request_hash, r.link, r.version, r.created_at FROM links.idempotency_records AS r
      WHERE r.key_hash = $1 AND NOT (${isPastItsDay})`,
    values: [keyHash],
  })
  return rows[0]
}

/** What the same request was answered with; undefined when it made no link within the time that keys are kept. */
export async function findReplay(
  pool: Pool,
  idempotency: Idempotency,
): Promise<Extract<InsertOutcome, { kind: 'replayed' | 'idempotency-mismatch' }> | undefined> {
  const record = await readRecord(pool, idempotency)
  if (record === undefined) return undefined
  if (!idempotency.requestHash.equals(record.request_hash as Buffer)) return { kind: 'idempotency-mismatch' }
  return toReplay(record)
}

export type BulkReplay = Exclude<BulkOutcome, { kind: 'inserted' }>

/** The same for a bulk. */
export async function findBulk(
  queryable: Queryable,
  idempotency: Idempotency,
): Promise<BulkReplay | undefined> {
  const record = await readRecord(queryable, idempotency)
  if (record === undefined) return undefined
  if (!idempotency.requestHash.equals(record.request_hash as Buffer)) return { kind: 'idempotency-mismatch' }
  return { kind: 'replayed', record: record.link as BulkRecord }
}

/** A bulk's record while its links are made, and, in the same transaction, after. */
export interface BulkClaim {
  /**
   * Holds the key until the transaction ends. undefined: this attempt is the first. A record that there is is locked, so
   * that of several attempts one at a time makes what it leaves open.
   */
  claim(transaction: Transaction): Promise<BulkReplay | undefined>
  write(transaction: Transaction, record: BulkRecord): Promise<void>
}

export function claimBulk(idempotency: Idempotency | null): BulkClaim {
  if (idempotency === null) return { claim: async () => undefined, write: async () => {} }
  const { keyHash, requestHash } = idempotency
  return {
    async claim(transaction) {
      const { rowCount } = await transaction.query({
        name: 'claim-bulk',
        text: upsertClaims(`VALUES ($1::bytea, $2::bytea, '{}'::jsonb, 0::bigint, statement_timestamp())`),
        values: [keyHash, requestHash],
      })
      if (rowCount > 0) return undefined
      return (await findBulk(transaction, idempotency)) ?? { kind: 'idempotency-mismatch' }
    },
    async write(transaction, record) {
      await transaction.query({
        name: 'record-bulk',
        text: 'UPDATE links.idempotency_records SET link = $2::jsonb WHERE key_hash = $1',
        values: [keyHash, JSON.stringify(record)],
      })
    },
  }
}
