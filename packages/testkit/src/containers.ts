/**
 * The engines as containers, for machines where a Docker engine answers and already holds the images. They are the
 * images of docker-compose.yml, so the tests then run on what a deployment runs on.
 */
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import { GenericContainer, Network, type StartedTestContainer, Wait } from 'testcontainers'
import type { RunningEngines } from './engine-set.ts'

export const images = {
  postgres: 'postgres:18-bookworm',
  redis: 'valkey/valkey:8.1-alpine',
  kafka: 'apache/kafka:4.1.1',
} as const

const run = promisify(execFile)

/** Why containers cannot be used here, or undefined when they can. Asks the Docker client, for at most 5 s. */
export async function whyNoContainers(): Promise<string | undefined> {
  try {
    await run('docker', ['version', '--format', '{{.Server.Version}}'], { timeout: 5_000 })
  } catch {
    return 'no Docker engine answers'
  }
  for (const image of Object.values(images)) {
    try {
      await run('docker', ['image', 'inspect', image], { timeout: 5_000 })
    } catch {
      return `the Docker engine does not hold the image ${image}`
    }
  }
  return undefined
}

const kafkaPort = 9092

/** Starts one of each engine, two replicas streaming from the primary. Disposing removes them. */
export async function startContainers(): Promise<RunningEngines> {
  await using resources = new AsyncDisposableStack()
  const keep = async (starting: Promise<StartedTestContainer>) =>
    resources.adopt(await starting, async (container) => void (await container.stop({ timeout: 5_000 })))
  const network = resources.adopt(await new Network().start(), async (started) => void (await started.stop()))
  const password = randomBytes(12).toString('hex')

  const primary = await keep(
    new GenericContainer(images.postgres)
      .withNetwork(network)
      .withNetworkAliases('primary')
      .withEnvironment({ POSTGRES_PASSWORD: password, POSTGRES_INITDB_ARGS: '--auth-host=scram-sha-256' })
      .withCommand([
        'postgres',
        '-c',
        'max_connections=200',
        '-c',
        'wal_level=replica',
        '-c',
        'max_wal_senders=10',
      ])
      .withCopyContentToContainer([
        {
          content: 'echo "host replication all all scram-sha-256" >> "$PGDATA/pg_hba.conf"\n',
          target: '/docker-entrypoint-initdb.d/replication.sh',
          mode: 0o755,
        },
      ])
      .withExposedPorts(5432)
      .withWaitStrategy(Wait.forLogMessage(/database system is ready to accept connections/, 2))
      .start(),
  )
  const follow = [
    'mkdir -p /var/lib/follow && chown postgres /var/lib/follow && chmod 700 /var/lib/follow',
    `PGPASSWORD=${password} gosu postgres pg_basebackup -h primary -U postgres -D /var/lib/follow/data -R`,
    'exec gosu postgres postgres -D /var/lib/follow/data -c hot_standby=on -c max_connections=200',
  ].join(' && ')
  const startReplica = () =>
    new GenericContainer(images.postgres)
      .withNetwork(network)
      .withEntrypoint(['bash', '-c', follow])
      .withExposedPorts(5432)
      .withWaitStrategy(Wait.forLogMessage(/started streaming WAL/))
      .start()
  const [replicaA, replicaB, redis, kafka] = await Promise.all([
    keep(startReplica()),
    keep(startReplica()),
    keep(new GenericContainer(images.redis).withExposedPorts(6379).start()),
    keep(startKafka()),
  ])
  const databaseAt = (container: StartedTestContainer) =>
    `postgres://postgres:${password}@${container.getHost()}:${container.getMappedPort(5432)}/postgres`
  const running = resources.move()
  return {
    databaseUrl: databaseAt(primary),
    databaseReplicaUrls: [databaseAt(replicaA), databaseAt(replicaB)],
    redisUrl: `redis://${redis.getHost()}:${redis.getMappedPort(6379)}`,
    kafkaBrokers: [`${kafka.getHost()}:${kafka.getMappedPort(kafkaPort)}`],
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

/**
 * Kafka must advertise the mapped port, which Docker chooses only at the start: the container waits for a file that
 * tells it, and is ready when the broker says so.
 */
async function startKafka(): Promise<StartedTestContainer> {
  const container = await new GenericContainer(images.kafka)
    .withEntrypoint([
      'sh',
      '-c',
      'echo awaiting-address; until [ -f /tmp/advertised ]; do sleep 0.1; done; . /tmp/advertised; exec /etc/kafka/docker/run',
    ])
    .withEnvironment({
      KAFKA_NODE_ID: '1',
      KAFKA_PROCESS_ROLES: 'broker,controller',
      KAFKA_LISTENERS: `PLAINTEXT://:${kafkaPort},CONTROLLER://:9093`,
      KAFKA_CONTROLLER_LISTENER_NAMES: 'CONTROLLER',
      KAFKA_CONTROLLER_QUORUM_VOTERS: '1@localhost:9093',
      KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR: '1',
      KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS: '0',
    })
    .withExposedPorts(kafkaPort)
    .withWaitStrategy(Wait.forLogMessage('awaiting-address'))
    .start()
  const address = `${container.getHost()}:${container.getMappedPort(kafkaPort)}`
  await container.copyContentToContainer([
    { content: `export KAFKA_ADVERTISED_LISTENERS=PLAINTEXT://${address}\n`, target: '/tmp/advertised' },
  ])
  return container
}
