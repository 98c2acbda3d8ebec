/**
 * Real engines for `*.engine.test.ts`. One set runs for a whole test run (see test/setup/engines.ts); each test
 * takes a database, key prefix and topic of its own from it.
 */
import { inject } from 'vitest'
import { runOnce, untilConnectable, withDatabase } from './database.ts'
import type { EngineSet } from './engine-set.ts'
import { uniqueName } from './unique-name.ts'

export { uniqueName } from './unique-name.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    engines: EngineSet
  }
}

/** The engines of this run. */
export function testEngines(): EngineSet {
  return inject('engines')
}

export function testRedisUrl(): string {
  return testEngines().redisUrl
}

export function testKafkaBrokers(): readonly string[] {
  return testEngines().kafkaBrokers
}

export interface TestDatabase extends AsyncDisposable {
  /** The owner's URL on the primary. */
  readonly url: string
  /** The same database on each streaming replica. */
  readonly replicaUrls: readonly string[]
}

/** A fresh database with every migration applied, there on the replicas too. Dropped when disposed. */
export async function testDatabase(): Promise<TestDatabase> {
  const { databaseUrl, databaseReplicaUrls, templateDatabase } = testEngines()
  const name = uniqueName('test').replace('-', '_')
  await runOnce(databaseUrl, `CREATE DATABASE ${name} TEMPLATE ${templateDatabase}`)
  const url = withDatabase(databaseUrl, name)
  const replicaUrls = databaseReplicaUrls.map((replica) => withDatabase(replica, name))
  await Promise.all(replicaUrls.map((replica) => untilConnectable(replica)))
  return {
    url,
    replicaUrls,
    [Symbol.asyncDispose]: async () =>
      await runOnce(databaseUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
  }
}
