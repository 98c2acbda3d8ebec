import pg from 'pg'

export const SUPERUSER = 'linkfleet'
export const DATABASE = 'linkfleet'

export function memberUrl(port: number, password: string): string {
  return `postgres://${SUPERUSER}:${password}@127.0.0.1:${port}/${DATABASE}`
}

/** One connection for a question or two; gives up soon, so that a waiting loop can ask again. */
export async function connectOnce(url: string): Promise<pg.Client & AsyncDisposable> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 3_000 })
  client.on('error', () => {})
  await client.connect()
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.end() })
}
