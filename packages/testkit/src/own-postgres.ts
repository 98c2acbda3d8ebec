/** A Postgres primary with two replicas for one test alone, which may cut them off, kill the primary and promote. */
import { rm } from 'node:fs/promises'
import { startEngines } from '@linkfleet/local/engines'
import { promote } from '@linkfleet/local/engines/postgres'
import { migrate } from '@linkfleet/postgres/migrate'
import pg from 'pg'
import { runOnce } from './database.ts'
import { eventually } from './eventually.ts'
import { temporaryHome } from './temporary-home.ts'

export interface OwnPostgres extends AsyncDisposable {
  /** One URL that names every member, so that a client can follow the primary. */
  readonly url: string
  /** The URL of each member: the primary's first, then the replicas'. */
  readonly memberUrls: readonly string[]
  /** The replica receives nothing any more, and keeps what it has. */
  cutOff(replica: number): Promise<void>
  killPrimary(): Promise<void>
  /** Makes the replica the primary, and the other one follow it. The old primary must be dead. */
  promote(replica: number): Promise<void>
}

const REPLICAS = 2

export async function startOwnPostgres(): Promise<OwnPostgres> {
  await using resources = new AsyncDisposableStack()
  const home = await temporaryHome('own-postgres')
  resources.defer(async () => await rm(home, { recursive: true, force: true, maxRetries: 5 }))
  const engines = resources.use(
    await startEngines({ home, ports: 'free', which: ['postgres'], replicas: REPLICAS, env: {} }),
  )
  const cluster = engines.postgres
  if (cluster === undefined) throw new Error('Postgres was not started.')
  const memberUrls = [cluster.primary, ...cluster.replicas].map(({ url }) => url)
  const urlOf = (member: number): string => {
    const url = memberUrls[member]
    if (url === undefined) throw new RangeError(`there is no member ${member}`)
    return url
  }
  await migrate({ databaseUrl: urlOf(0) })

  const started = resources.move()
  return {
    url: urlOf(0).replace(/@[^/]*/, `@${memberUrls.map((url) => new URL(url).host).join(',')}`),
    memberUrls,
    cutOff: async (replica) => {
      await setUpstream(urlOf(replica), '')
      await untilReceiving(urlOf(replica), false)
    },
    killPrimary: async () => {
      process.kill(cluster.primary.pid, 'SIGKILL')
      await cluster.primary.process.exited
    },
    async promote(replica) {
      await promote(cluster, cluster.members[replica]?.name ?? '')
      const other = replica === 1 ? 2 : 1
      const { port, hostname, username, password } = new URL(urlOf(replica))
      await setUpstream(urlOf(other), `host=${hostname} port=${port} user=${username} password=${password}`)
      await untilReceiving(urlOf(other), true)
    },
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  }
}

/** ALTER SYSTEM takes no parameters; what is quoted here was made here. */
async function setUpstream(url: string, conninfo: string): Promise<void> {
  await runOnce(url, `ALTER SYSTEM SET primary_conninfo = '${conninfo}'`)
  await runOnce(url, 'SELECT pg_reload_conf()')
}

async function untilReceiving(url: string, wanted: boolean): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 })
  await client.connect()
  try {
    await eventually(
      async () => {
        const { rows } = await client.query('SELECT 1 FROM pg_stat_wal_receiver')
        return rows.length > 0 === wanted
      },
      { withinMs: 30_000 },
    )
  } finally {
    await client.end()
  }
}
