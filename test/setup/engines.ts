/**
 * Starts the engines once for all `*.engine.test.ts` of a run. LINKFLEET_TEST_ENGINES may name a JSON file that
 * tells where a set is that already runs (databaseUrl, databaseReplicaUrls, redisUrl, kafkaBrokers): tests then use
 * it and leave it running, which saves the start while working on a test.
 */
import { readFile } from 'node:fs/promises'
import { makeTemplate, runOnce } from '@linkfleet/testkit/database'
import type { EngineSet } from '@linkfleet/testkit/engine-set'
import { startTestEngines } from '@linkfleet/testkit/start-engines'
import type { TestProject } from 'vitest/node'

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const running = process.env.LINKFLEET_TEST_ENGINES
  if (running !== undefined && running !== '') {
    const engines = JSON.parse(await readFile(running, 'utf8')) as EngineSet
    const templateDatabase = await makeTemplate(engines.databaseUrl)
    project.provide('engines', { ...engines, templateDatabase })
    return async () =>
      await runOnce(engines.databaseUrl, `DROP DATABASE IF EXISTS ${templateDatabase} WITH (FORCE)`)
  }
  const engines = await startTestEngines((sentence) => console.log(sentence))
  const { databaseUrl, databaseReplicaUrls, templateDatabase, redisUrl, kafkaBrokers } = engines
  project.provide('engines', { databaseUrl, databaseReplicaUrls, templateDatabase, redisUrl, kafkaBrokers })
  return async () => await engines[Symbol.asyncDispose]()
}
