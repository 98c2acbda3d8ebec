/** Keys, login tokens and sessions in Postgres, as hashes only. */
import type { Pool, Row } from '@linkfleet/runtime/postgres'
import {
  type Caller,
  credentialLengthMax,
  hashCredential,
  loginTokenLifeMs,
  makeCredential,
  type Role,
  sessionLifeMs,
} from '../domain/credentials.ts'
import type { CredentialStore, KeyDescription } from '../ports.ts'
import { boundedChange, boundedRead } from './store-errors-pg.ts'

const cachedForMs = 10_000
const cachedMax = 10_000
/** The name of the key that ADMIN_KEY_FILE holds. */
const seededKeyName = 'admin-key-file'

interface Cached {
  readonly caller: Caller
  readonly untilMs: number
}

export function openCredentialStorePg(pool: Pool): CredentialStore {
  const cache = new Map<string, Cached>()
  /** Questions under way: who asks the same meanwhile gets the same answer. */
  const asked = new Map<string, Promise<Caller | undefined>>()

  /** Not bounded by itself: whoever waits says for how long. */
  async function look(credential: string): Promise<Caller | undefined> {
    const caller = await readCaller(pool, hashCredential(credential))
    const expiresAtMs = caller?.expiresAtMs ?? null
    return expiresAtMs !== null && expiresAtMs <= Date.now() ? undefined : caller
  }

  async function checkNow(credential: string): Promise<Caller | undefined> {
    if (credential === '' || credential.length > credentialLengthMax) return undefined
    return await boundedRead(() => look(credential))
  }

  /** Only good answers are kept: a key works as soon as it is made. */
  async function check(credential: string, byMs: number): Promise<Caller | undefined> {
    if (credential === '' || credential.length > credentialLengthMax) return undefined
    const id = hashCredential(credential).toString('base64')
    const nowMs = Date.now()
    const known = cache.get(id)
    const expiresAtMs = known?.caller.expiresAtMs ?? Number.POSITIVE_INFINITY
    if (known !== undefined && nowMs < known.untilMs && nowMs < expiresAtMs) return known.caller
    return await boundedRead(() => ask(credential, id, nowMs), byMs)
  }

  function ask(credential: string, id: string, nowMs: number): Promise<Caller | undefined> {
    const underWay = asked.get(id)
    if (underWay !== undefined) return underWay
    cache.delete(id)
    const asking = look(credential)
      .then((caller) => {
        // Deleting a key forgets the question: its answer may be of the time before.
        if (caller === undefined || asked.get(id) !== asking) return caller
        if (cache.size >= cachedMax) cache.clear()
        cache.set(id, { caller, untilMs: nowMs + cachedForMs })
        return caller
      })
      .finally(() => {
        if (asked.get(id) === asking) asked.delete(id)
      })
    asked.set(id, asking)
    return asking
  }

  function forgetAll(): void {
    cache.clear()
    asked.clear()
  }

  return {
    check,
    checkNow,
    createKey: (name, role, expiresAtMs) => boundedChange(() => createKey(pool, name, role, expiresAtMs)),
    listKeys: () => boundedRead(() => listKeys(pool)),
    deleteKey: (id) =>
      boundedChange(async () => {
        const text = 'DELETE FROM links.api_keys WHERE id = $1'
        const { rowCount } = await pool.query({ text, values: [id] })
        forgetAll()
        return rowCount > 0
      }),
    createLoginToken: (role, subject) => boundedChange(() => createLoginToken(pool, role, subject)),
    openSession: (token) => boundedChange(() => openSession(pool, token)),
    closeSession: (session) =>
      boundedChange(async () => {
        const hash = hashCredential(session)
        await pool.query({ text: 'DELETE FROM links.sessions WHERE session_hash = $1', values: [hash] })
        const id = hash.toString('base64')
        cache.delete(id)
        asked.delete(id)
      }),
    seedAdminKey: async (key) => {
      await pool.query({
        text: `INSERT INTO links.api_keys (key_hash, name, role) VALUES ($1, $2, 'admin')
          ON CONFLICT (name) DO UPDATE SET key_hash = EXCLUDED.key_hash, role = 'admin', expires_at = NULL`,
        values: [hashCredential(key), seededKeyName],
      })
      cache.clear()
    },
  }
}

async function readCaller(pool: Pool, hash: Buffer): Promise<Caller | undefined> {
  const { rows } = await pool.query({
    name: 'check-credential',
    text: `SELECT 'key:' || name AS subject, role, expires_at FROM links.api_keys WHERE key_hash = $1
      UNION ALL SELECT subject, role, expires_at FROM links.sessions WHERE session_hash = $1`,
    values: [hash],
  })
  const [row] = rows
  if (row === undefined) return undefined
  const expiresAt = row.expires_at as Date | null
  return { subject: row.subject as string, role: row.role as Role, expiresAtMs: expiresAt?.getTime() ?? null }
}

const keyColumns = 'id, name, role, created_at, expires_at'

function toKeyDescription(row: Row): KeyDescription {
  return {
    id: row.id as number,
    name: row.name as string,
    role: row.role as Role,
    createdAtMs: (row.created_at as Date).getTime(),
    expiresAtMs: (row.expires_at as Date | null)?.getTime() ?? null,
  }
}

async function createKey(pool: Pool, name: string, role: Role, expiresAtMs: number | null) {
  const key = makeCredential('key')
  const { rows } = await pool.query({
    text: `INSERT INTO links.api_keys (key_hash, name, role, expires_at) VALUES ($1, $2, $3, $4)
      ON CONFLICT (name) DO NOTHING RETURNING ${keyColumns}`,
    values: [hashCredential(key), name, role, expiresAtMs === null ? null : new Date(expiresAtMs)],
  })
  return rows[0] === undefined ? undefined : { key, ...toKeyDescription(rows[0]) }
}

async function listKeys(pool: Pool): Promise<readonly KeyDescription[]> {
  const { rows } = await pool.query(`SELECT ${keyColumns} FROM links.api_keys ORDER BY id LIMIT 1000`)
  return rows.map(toKeyDescription)
}

async function createLoginToken(pool: Pool, role: Role, subject: string) {
  const token = makeCredential('login')
  const { rows } = await pool.query<{ expires_at: Date }>({
    text: `INSERT INTO links.login_tokens (token_hash, role, subject, expires_at)
      VALUES ($1, $2, $3, date_trunc('milliseconds', now()) + make_interval(secs => $4)) RETURNING expires_at`,
    values: [hashCredential(token), role, subject, loginTokenLifeMs / 1000],
  })
  const expiresAt = rows[0]?.expires_at ?? new Date(0)
  return { token, expiresAtMs: expiresAt.getTime() }
}

/** Deleting the token and making the session is one statement: a token opens one session, however often it is sent. */
async function openSession(pool: Pool, token: string) {
  if (token.length > credentialLengthMax) return undefined
  const session = makeCredential('session')
  const { rows } = await pool.query({
    text: `WITH spent AS (
        DELETE FROM links.login_tokens WHERE token_hash = $1 RETURNING role, subject, expires_at
      )
      INSERT INTO links.sessions (session_hash, role, subject, expires_at)
      SELECT $2, role, subject, date_trunc('milliseconds', now()) + make_interval(secs => $3)
      FROM spent WHERE expires_at > now()
      RETURNING role, subject, expires_at`,
    values: [hashCredential(token), hashCredential(session), sessionLifeMs / 1000],
  })
  const [row] = rows
  if (row === undefined) return undefined
  const expiresAtMs = (row.expires_at as Date).getTime()
  return { session, caller: { subject: row.subject as string, role: row.role as Role, expiresAtMs } }
}
