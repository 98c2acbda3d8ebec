/** Starts the engines of a test run: as containers where that can be done, else as programs of this machine. */
import { rm } from 'node:fs/promises'
import { startEngines } from '@linkfleet/local/engines'
import { freePortBlock } from '@linkfleet/local/ports'
import { startContainers, whyNoContainers } from './containers.ts'
import { makeTemplate } from './database.ts'
import type { EngineSet, RunningEngines } from './engine-set.ts'
import { temporaryHome } from './temporary-home.ts'

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

const replicaCount = 2

async function startPrograms(say: (sentence: string) => void): Promise<RunningEngines> {
  await using resources = new AsyncDisposableStack()
  const home = await temporaryHome('engines')
  resources.defer(async () => await rm(home, { recursive: true, force: true, maxRetries: 5 }))
  const first = await freePortBlock(replicaCount + 4)
  const engines = await startEngines({
    home,
    ports: { postgres: first, redis: first + 3, kafka: first + 4, prometheus: 0 },
    which: ['postgres', 'redis', 'kafka'],
    replicas: replicaCount,
    maxConnections: 200,
    report: ({ name, version, origin }) => say(`${name} ${version}: ${origin}`),
  })
  resources.use(engines)
  const { databaseUrl, databaseReplicaUrls, redisUrl, kafkaBrokers } = engines
  if (databaseUrl === undefined || redisUrl === undefined)
    throw new Error('The engines started without an address.')
  const running = resources.move()
  return {
    databaseUrl,
    databaseReplicaUrls,
    redisUrl,
    kafkaBrokers,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}
