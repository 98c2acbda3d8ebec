/** One-off work on a test cluster: databases made, waited for and dropped. */
import { randomBytes } from 'node:crypto'
import { migrate } from '@linkfleet/postgres/migrate'
import pg from 'pg'
import { eventually } from './eventually.ts'

/** The same server, another database. */
export function withDatabase(url: string, database: string): string {
  return url.replace(/^([a-z]+:\/\/[^/?]+)(?:\/[^?]*)?/i, (_whole, before: string) => `${before}/${database}`)
}

/** Runs one statement on a connection of its own, waiting at most 30 s. */
export async function runOnce(url: string, statement: string): Promise<void> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: 10_000,
    query_timeout: 30_000,
  })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}

/** Waits, at most 30 s, until the database is there: a replica follows its primary. */
export async function untilConnectable(url: string): Promise<void> {
  await eventually(() => runOnce(url, 'SELECT 1').then(() => true), { withinMs: 30_000 })
}

/** Makes a database with every migration applied, for others to be copied from. Returns its name. */
export async function makeTemplate(databaseUrl: string): Promise<string> {
  const name = `template_${randomBytes(6).toString('hex')}`
  await runOnce(databaseUrl, `CREATE DATABASE ${name}`)
  await migrate({ databaseUrl: withDatabase(databaseUrl, name) })
  return name
}
