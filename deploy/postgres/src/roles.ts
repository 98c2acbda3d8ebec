/**
 * Who may touch what in Postgres.
 *
 * Each service works as a group role of its own; the migrations grant tables to these groups. The groups cannot log in:
 * a deployment makes login users that are members of them, so passwords rotate without a migration.
 *
 * Roles belong to the whole cluster while the migration lock belongs to one database. Two databases of one cluster may
 * therefore be migrated at the same time, and every statement here tolerates that another one was faster.
 */
import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto'
import type pg from 'pg'

export const serviceRoles = [
  'linkfleet_ids',
  'linkfleet_links',
  'linkfleet_clicks',
  'linkfleet_redirect',
] as const

export type ServiceRole = (typeof serviceRoles)[number]

/** The login user of a group role, as made by `setLoginUsers`. */
export const loginUserOf = (role: ServiceRole): string => `${role}_login`

const scramIterations = 4096

/** Creates the group roles that are missing. Returns one note when the user may not, and an empty list otherwise. */
export async function createServiceRoles(client: pg.ClientBase): Promise<string[]> {
  const missing = await missingRoles(client, serviceRoles)
  if (missing.length === 0) return []
  if (!(await mayCreateRoles(client))) {
    return [
      `The roles ${missing.join(', ')} do not exist and this user may not create roles, so nothing is granted to them; every service must connect as a user that may read and write its schema.`,
    ]
  }
  for (const role of missing) await createRole(client, role, 'NOLOGIN')
  return []
}

/**
 * Creates or updates one LOGIN user per group role named in `passwords`, member of that role alone. The server gets the
 * SCRAM verifier and never the password, so no statement log holds it.
 */
export async function createLoginUsers(
  client: pg.ClientBase,
  passwords: Partial<Record<ServiceRole, string>>,
): Promise<void> {
  for (const role of serviceRoles) {
    const password = passwords[role]
    if (password === undefined) continue
    const user = loginUserOf(role)
    const verifier = client.escapeLiteral(scramVerifier(password))
    await createRole(client, user, 'LOGIN')
    await retryWhenContended(client, `ALTER ROLE ${user} LOGIN PASSWORD ${verifier}`)
    await retryWhenContended(client, `GRANT ${role} TO ${user}`)
  }
}

/** RFC 5803: what Postgres itself stores for a SCRAM-SHA-256 password. */
export function scramVerifier(password: string, salt: Buffer = randomBytes(16)): string {
  // Outside printable ASCII the password would have to go through SASLprep first.
  if (!/^[\x20-\x7e]+$/.test(password)) throw new TypeError('a database password must be printable ASCII')
  const salted = pbkdf2Sync(password, salt, scramIterations, 32, 'sha256')
  const storedKey = createHash('sha256').update(hmac(salted, 'Client Key')).digest('base64')
  const serverKey = hmac(salted, 'Server Key').toString('base64')
  return `SCRAM-SHA-256$${scramIterations}:${salt.toString('base64')}$${storedKey}:${serverKey}`
}

const hmac = (key: Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest()

async function missingRoles(client: pg.ClientBase, names: readonly string[]): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    'SELECT wanted.name FROM unnest($1::text[]) AS wanted(name) WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted.name)',
    [names],
  )
  return rows.map((row) => row.name)
}

async function mayCreateRoles(client: pg.ClientBase): Promise<boolean> {
  const { rows } = await client.query<{ allowed: boolean }>(
    'SELECT rolsuper OR rolcreaterole AS allowed FROM pg_roles WHERE rolname = current_user',
  )
  return rows[0]?.allowed ?? false
}

async function createRole(client: pg.ClientBase, name: string, login: 'LOGIN' | 'NOLOGIN'): Promise<void> {
  await client.query(`DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '${name}') THEN CREATE ROLE ${name} ${login}; END IF;
  EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
  END $$`)
}

const contendedAttemptsMax = 10

/** Shared catalogue rows are not waited for: a concurrent change of one answers "tuple concurrently updated" (XX000). */
async function retryWhenContended(client: pg.ClientBase, sql: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await client.query(sql)
      return
    } catch (error) {
      const contended = error instanceof Error && /concurrently|duplicate key/.test(error.message)
      if (!contended || attempt === contendedAttemptsMax) throw error
    }
  }
}
