/**
 * A connection to the writable server of a URL that may name several hosts: `postgres://user@h1:p1,h2:p2/db`. Migrations
 * run once and by hand or by a deployment, so unlike the services' pools this looks once and does not follow a failover.
 */
import pg from 'pg'

const connectTimeoutMs = 5_000

/** One URL per host of a URL with a comma list of hosts. */
export function urlPerHost(databaseUrl: string): string[] {
  const match = /^([a-z]+:\/\/(?:[^@/]*@)?)([^/?]*)(.*)$/.exec(databaseUrl)
  if (!match)
    throw new TypeError('DATABASE_URL is not of the form postgres://user:password@host:port/database')
  const [, before = '', hosts = '', after = ''] = match
  return hosts.split(',').map((host) => before + host + after)
}

/** Connects to the first host that is no standby; throws the last problem when there is none. */
export async function connectToPrimary(databaseUrl: string, applicationName: string): Promise<pg.Client> {
  let problem: unknown = new Error('no host in DATABASE_URL')
  for (const connectionString of urlPerHost(databaseUrl)) {
    const client = new pg.Client({
      connectionString,
      application_name: applicationName,
      connectionTimeoutMillis: connectTimeoutMs,
    })
    // A connection that breaks later fails the query in flight; without a listener it would end the process as well.
    client.on('error', () => {})
    try {
      await client.connect()
      const { rows } = await client.query<{ standby: boolean }>('SELECT pg_is_in_recovery() AS standby')
      if (rows[0]?.standby === false) return client
      problem = new Error('every host of DATABASE_URL is a read-only standby')
    } catch (error) {
      problem = error
    }
    await client.end().catch(() => {})
  }
  throw problem
}
