/** Starts the engines of a test run: as containers where that can be done, else as programs of this machine. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startEngines } from '@linkfleet/local/engines'
import { startContainers, whyNoContainers } from './containers.ts'
import { makeTemplate } from './database.ts'
import type { EngineSet } from './engine-set.ts'

/** Engines that answer, before any schema is in them. */
export type RunningEngines = Omit<EngineSet, 'templateDatabase'> & AsyncDisposable

/** `say` is told, in a sentence, what is used and why. */
export async function startTestEngines(
  say: (sentence: string) => void,
): Promise<EngineSet & AsyncDisposable> {
  const obstacle = await whyNoContainers()
  say(
    obstacle === undefined
      ? 'Engines run as containers.'
      : `Engines run as programs of this machine: ${obstacle}.`,
  )
  const running = obstacle === undefined ? await startContainers() : await startPrograms(say)
  return { ...running, templateDatabase: await makeTemplate(running.databaseUrl) }
}

async function startPrograms(say: (sentence: string) => void): Promise<RunningEngines> {
  await using resources = new AsyncDisposableStack()
  const home = await mkdtemp(join(tmpdir(), 'linkfleet-engines-'))
  resources.defer(async () => await rm(home, { recursive: true, force: true, maxRetries: 5 }))
  const engines = resources.use(
    await startEngines({
      home,
      ports: 'free',
      which: ['postgres', 'redis', 'kafka'],
      brokers: 1,
      replicas: 2,
      log: say,
    }),
  )
  const running = resources.move()
  return {
    databaseUrl: engines.databaseUrl,
    databaseReplicaUrls: engines.databaseReplicaUrls,
    redisUrl: engines.redisUrl,
    kafkaBrokers: engines.kafkaBrokers,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}
