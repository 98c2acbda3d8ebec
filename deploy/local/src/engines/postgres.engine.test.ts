import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { chmod, chown, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Ledger } from '../ledger.ts'
import { freePortBlock } from '../ports.ts'
import { findPostgres } from '../programs/postgres.ts'
import type { Program } from '../programs/program.ts'
import { waitFor } from '../wait.ts'
import { type PostgresCluster, promote, startPostgres } from './postgres.ts'
import { preparePostgresFolder } from './postgres-folder.ts'
import { removeStalePid } from './postgres-pid.ts'
import { connectOnce } from './postgres-query.ts'

let home: string
let firstPort: number
let program: Program

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'linkfleet-postgres-'))
  // Run by root, Postgres works as another user: in a closed home its data would lie elsewhere and outlive the home.
  await chmod(home, 0o711)
  firstPort = await freePortBlock(3)
  program = await findPostgres()
})
afterAll(() => rm(home, { recursive: true, force: true }))

async function startCluster(): Promise<PostgresCluster & AsyncDisposable> {
  const ledger = new Ledger(home)
  await ledger.reap()
  const cluster = await startPostgres({ home, ledger }, program, {
    firstPort,
    replicas: 2,
    maxConnections: 30,
  })
  const engines = [...cluster.replicas, cluster.primary]
  return {
    ...cluster,
    [Symbol.asyncDispose]: async () => {
      await Promise.all(engines.map((engine) => engine.process.stop()))
    },
  }
}

async function ask(url: string, sql: string): Promise<unknown> {
  await using client = await connectOnce(url)
  return Object.values((await client.query(sql)).rows[0] ?? {})[0]
}

async function expectEverywhere(cluster: PostgresCluster, names: string): Promise<void> {
  for (const engine of [cluster.primary, ...cluster.replicas])
    await waitFor({ what: `${engine.name} did not have ${names}`, timeoutMs: 10_000 }, async () =>
      (await ask(engine.url, "SELECT string_agg(name, ',' ORDER BY name) FROM kept")) === names
        ? true
        : undefined,
    )
}

describe('a primary and its two replicas', { timeout: 120_000 }, () => {
  test('what the primary takes is on both replicas, which refuse to be written', async () => {
    await using cluster = await startCluster()
    await ask(cluster.primary.url, 'CREATE TABLE kept (name text)')
    await ask(cluster.primary.url, "INSERT INTO kept VALUES ('first')")
    await expectEverywhere(cluster, 'first')
    const replica = cluster.replicas[0]?.url ?? ''
    await expect(ask(replica, "INSERT INTO kept VALUES ('no')")).rejects.toThrow(/read-only/)
  })

  test('a promoted replica stays the primary over a restart, and the old one follows it with all data', async () => {
    {
      await using cluster = await startCluster()
      expect(cluster.primary.name).toBe('pg-1')
      process.kill(cluster.primary.pid, 'SIGKILL')
      await cluster.primary.process.exited
      await promote(cluster, 'pg-2')
      const promoted = cluster.replicas.find(({ name }) => name === 'pg-2')?.url ?? ''
      await ask(promoted, "INSERT INTO kept VALUES ('second')")
    }
    await using cluster = await startCluster()
    expect(cluster.primary.name).toBe('pg-2')
    await expectEverywhere(cluster, 'first,second')
  })

  test('a replica promoted by hand, with nobody told, is found to be the primary by its timeline', async () => {
    {
      await using cluster = await startCluster()
      process.kill(cluster.primary.pid, 'SIGKILL')
      await cluster.primary.process.exited
      const promoted = cluster.replicas.find(({ name }) => name === 'pg-3')?.url ?? ''
      await ask(promoted, 'SELECT pg_promote(true, 30)')
      await ask(promoted, "INSERT INTO kept VALUES ('third')")
    }
    await using cluster = await startCluster()
    expect(cluster.primary.name).toBe('pg-3')
    await expectEverywhere(cluster, 'first,second,third')
  })

  test('a primary that died and is started again finds that another took its place, and follows it', async () => {
    await using cluster = await startCluster()
    process.kill(cluster.primary.pid, 'SIGKILL')
    await cluster.primary.process.exited
    const promoted = cluster.replicas.find(({ name }) => name === 'pg-1')?.url ?? ''
    await ask(promoted, 'SELECT pg_promote(true, 30)')
    const again = await cluster.primary.startAgain()
    expect(await ask(again.url, 'SELECT pg_is_in_recovery()')).toBe(true)
    await again.process.stop()
  })

  test('a pid file whose number went to a process that is no Postgres does not stop the next start', async () => {
    let data: string
    {
      await using cluster = await startCluster()
      data = cluster.members[0]?.data ?? ''
      const engines = [cluster.primary, ...cluster.replicas]
      for (const { pid } of engines) process.kill(pid, 'SIGKILL')
      await Promise.all(engines.map((engine) => engine.process.exited))
    }
    const user = process.getuid?.() === 0 ? (await preparePostgresFolder(home)).user : undefined
    const stranger = spawn('/bin/sleep', ['300'], { cwd: '/', ...user })
    try {
      await once(stranger, 'spawn')
      const file = join(data, 'postmaster.pid')
      await writeFile(file, `${stranger.pid}\n${data}\n1\n${firstPort}\n\n127.0.0.1\n`)
      if (user) await chown(file, user.uid, user.gid)
      await using cluster = await startCluster()
      await expectEverywhere(cluster, 'first,second,third')
      await removeStalePid(data, 100)
      expect(existsSync(file)).toBe(true)
    } finally {
      stranger.kill()
    }
  })

  test('a promotion that was named but never carried out is finished by the next start', async () => {
    const { writePrimaryName } = await import('./postgres-primary.ts')
    {
      await using cluster = await startCluster()
      await writePrimaryName(cluster.folder, 'pg-2')
    }
    await using cluster = await startCluster()
    expect(cluster.primary.name).toBe('pg-2')
    expect(await ask(cluster.primary.url, 'SELECT pg_is_in_recovery()')).toBe(false)
    await expectEverywhere(cluster, 'first,second,third')
  })
})
