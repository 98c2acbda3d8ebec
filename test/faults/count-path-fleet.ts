/** What counts clicks: two analytics processes, on a Postgres and a Kafka of their own that can be killed. */
import { rm } from 'node:fs/promises'
import { startEngines } from '@linkfleet/local/engines'
import { freePortBlock } from '@linkfleet/local/ports'
import { makeTemplate, withDatabase } from '@linkfleet/testkit/database'
import { temporaryHome } from '@linkfleet/testkit/temporary-home'
import { createMember, type Member } from './member.ts'

export interface CountPathFleet extends AsyncDisposable {
  readonly databaseUrl: string
  readonly kafkaBrokers: readonly string[]
  readonly analytics: readonly [Member, Member]
  /** kill -9, and up again when it resolves. */
  restartKafka(): Promise<void>
}

export async function startCountPathFleet(topic: string, partitions: number): Promise<CountPathFleet> {
  await using resources = new AsyncDisposableStack()
  const home = await temporaryHome('count-path')
  resources.defer(async () => await rm(home, { recursive: true, force: true, maxRetries: 5 }))
  const engines = resources.use(
    await startEngines({ home, ports: 'free', which: ['postgres', 'kafka'], replicas: 0, env: {} }),
  )
  const { kafkaBrokers } = engines
  let kafka = engines.processes.find(({ name }) => name.startsWith('kafka'))
  if (kafka === undefined) throw new Error('Kafka was not started.')
  resources.defer(async () => await kafka?.process.stop())
  const databaseUrl = withDatabase(engines.databaseUrl, await makeTemplate(engines.databaseUrl))
  const firstPort = await freePortBlock(6)
  const [first, second] = [0, 1].map((index) => {
    const member = createMember({
      name: `analytics-${index + 1}`,
      program: 'analytics',
      firstPort: firstPort + 3 * index,
      env: {
        DATABASE_URL: databaseUrl,
        KAFKA_BROKERS: kafkaBrokers.join(','),
        SHORTENER_ADDRESSES: '127.0.0.1:1',
        CLICKS_TOPIC: topic,
        CLICKS_PARTITIONS: String(partitions),
        CLICKS_SESSION_TIMEOUT_MS: '6000',
        // Many small batches, so that a kill hits one.
        INGEST_FETCH_BYTES_MAX: '131072',
        LOG_LEVEL: 'fatal',
      },
    })
    resources.defer(() => member.kill('SIGKILL'))
    return member
  }) as [Member, Member]
  await Promise.all([first.start(), second.start()])
  const started = resources.move()
  return {
    databaseUrl,
    kafkaBrokers,
    analytics: [first, second],
    async restartKafka() {
      if (kafka === undefined) return
      process.kill(kafka.pid, 'SIGKILL')
      await kafka.process.exited
      kafka = await kafka.startAgain()
    },
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  }
}
