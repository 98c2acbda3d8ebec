/**
 * A connection to the primary of a URL that may name several hosts. Migrations run by hand or by a deployment, so unlike
 * the services' pools this looks once and does not follow a failover.
 */
import { createPrimaryFinder } from '@linkfleet/runtime/postgres-primary'
import pg from 'pg'

const connectTimeoutMs = 5_000

export async function connectToPrimary(databaseUrl: string, applicationName: string): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString: await createPrimaryFinder(databaseUrl, connectTimeoutMs).find(),
    application_name: applicationName,
    connectionTimeoutMillis: connectTimeoutMs,
  })
  // A connection that breaks later fails the query in flight; without a listener it would end the process as well.
  client.on('error', () => {})
  await client.connect()
  return client
}
