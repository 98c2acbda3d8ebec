/**
 * Kafka in KRaft mode, each process broker and controller in one. A folder is formatted once with a cluster id that
 * is kept beside it. On one machine nothing outlives a power cut but what reached the disk, so the log is flushed
 * each second.
 */
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Kafka, logLevel } from 'kafkajs'
import { LocalFleetError } from '../problem.ts'
import { engineEnvironment } from '../processes.ts'
import type { KafkaProgram } from '../programs/kafka.ts'
import { waitFor } from '../wait.ts'
import { type Engine, type EngineHome, startEngine } from './engine.ts'
import { propertiesText } from './java-properties.ts'

const JVM_FLAGS = [
  '-XX:+UseSerialGC',
  '-XX:TieredStopAtLevel=1',
  '-Xms64m',
  '-Xmx256m',
  '-Xss512k',
  '-XX:MaxDirectMemorySize=64m',
  '-XX:-UsePerfData',
  '-Djava.awt.headless=true',
]

export type KafkaCluster = { brokers: Engine[]; addresses: string[] }

type Cluster = { clusterId: string; brokers: number }

export async function startKafka(
  place: EngineHome,
  program: KafkaProgram,
  firstPort: number,
  brokers: 1 | 3,
): Promise<KafkaCluster> {
  const root = join(place.home, 'kafka')
  // To Kafka and its logging a comma parts one folder from the next, and neither has an escape for it.
  if (root.includes(','))
    throw new LocalFleetError(`Kafka takes no folder with a comma in its path (${root}): use another --home.`)
  await mkdir(root, { recursive: true, mode: 0o700 })
  const cluster = await readCluster(root, brokers)
  const addresses = Array.from({ length: brokers }, (_, index) => `127.0.0.1:${firstPort + index}`)
  const starting = addresses.map((_, index) =>
    startBroker(place, program, { root, cluster, firstPort, node: index + 1 }),
  )
  const settled = await Promise.allSettled(starting)
  const started = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  try {
    for (const one of settled) if (one.status === 'rejected') throw one.reason
    await answersQuery(addresses, place.signal)
  } catch (error) {
    await Promise.all(started.map((engine) => engine.process.stop()))
    throw error
  }
  return { brokers: started, addresses }
}

/** The number of brokers belongs to the data: a quorum cannot be grown by starting it with another number. */
async function readCluster(root: string, brokers: number): Promise<Cluster> {
  const file = join(root, 'cluster.json')
  if (existsSync(file)) {
    const cluster = JSON.parse(await readFile(file, 'utf8')) as Cluster
    if (cluster.brokers !== brokers)
      throw new LocalFleetError(
        `The Kafka data in ${root} was made with ${cluster.brokers} broker(s): start with --brokers ${cluster.brokers}, or use another --home.`,
      )
    return cluster
  }
  const cluster = { clusterId: newClusterId(), brokers }
  await writeFile(`${file}.new`, JSON.stringify(cluster))
  await rename(`${file}.new`, file)
  return cluster
}

/** Kafka refuses an id that begins with a dash, since its own tools would take it for an option. */
function newClusterId(): string {
  const id = randomBytes(16).toString('base64url')
  return id.startsWith('-') ? newClusterId() : id
}

type Broker = { root: string; cluster: Cluster; firstPort: number; node: number }

async function startBroker(place: EngineHome, program: KafkaProgram, broker: Broker): Promise<Engine> {
  const folder = join(broker.root, `broker-${broker.node}`)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const properties = join(folder, 'server.properties')
  await writeFile(properties, brokerProperties(folder, broker))
  const logging = join(folder, 'log4j2.properties')
  await writeFile(logging, LOGGING)
  const jvm = [...JVM_FLAGS, `-Dlog4j2.configurationFile=${logging}`, '-cp', program.classPath]
  if (!existsSync(join(folder, 'log', 'meta.properties')))
    await format(program, jvm, properties, broker, place.signal)
  const port = broker.firstPort + broker.node - 1
  const command = {
    name: `kafka-${broker.node}`,
    program: program.path,
    args: [...jvm, 'kafka.Kafka', properties],
    cwd: folder,
    stopSignal: 'TERM' as const,
  }
  const address = `127.0.0.1:${port}`
  return startEngine(place, command, address, 90_000, () => answersMetadata(address, broker.cluster.brokers))
}

async function format(
  program: KafkaProgram,
  jvm: string[],
  properties: string,
  { root, cluster, node }: Broker,
  signal: AbortSignal | undefined,
): Promise<void> {
  // A start that was killed while formatting left half a folder.
  await rm(join(root, `broker-${node}`, 'log'), { recursive: true, force: true })
  const args = [...jvm, 'kafka.tools.StorageTool', 'format', '-t', cluster.clusterId, '-c', properties]
  try {
    await promisify(execFile)(program.path, args, { timeout: 60_000, env: engineEnvironment(), signal })
  } catch (error) {
    const output = (error as { stderr?: string }).stderr?.trim().split('\n').at(-1)
    throw new LocalFleetError(`Kafka could not prepare its folder: ${output || (error as Error).message}`)
  }
}

function brokerProperties(folder: string, { cluster, firstPort, node }: Broker): string {
  const copies = cluster.brokers
  const controller = (n: number) => firstPort + copies + n - 1
  const nodes = Array.from({ length: copies }, (_, index) => index + 1)
  const properties: Record<string, string | number | boolean> = {
    'process.roles': 'broker,controller',
    'node.id': node,
    'controller.quorum.voters': nodes.map((n) => `${n}@127.0.0.1:${controller(n)}`).join(','),
    listeners: `CLIENT://127.0.0.1:${firstPort + node - 1},CONTROLLER://127.0.0.1:${controller(node)}`,
    'advertised.listeners': `CLIENT://127.0.0.1:${firstPort + node - 1}`,
    'listener.security.protocol.map': 'CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'inter.broker.listener.name': 'CLIENT',
    'controller.listener.names': 'CONTROLLER',
    'log.dirs': join(folder, 'log'),
    'default.replication.factor': copies,
    'min.insync.replicas': copies === 3 ? 2 : 1,
    'offsets.topic.replication.factor': copies,
    'offsets.topic.num.partitions': 4,
    'transaction.state.log.replication.factor': copies,
    'transaction.state.log.min.isr': copies === 3 ? 2 : 1,
    'share.coordinator.state.topic.replication.factor': copies,
    'auto.create.topics.enable': false,
    'group.initial.rebalance.delay.ms': 0,
    'unclean.leader.election.enable': false,
    'log.flush.interval.ms': 1000,
    'log.segment.bytes': 64 * 1024 * 1024,
    'log.retention.hours': 24 * 7,
    'num.network.threads': 2,
    'num.io.threads': 4,
    'log.cleaner.dedupe.buffer.size': 4 * 1024 * 1024,
    'controlled.shutdown.enable': copies === 3,
    // A broker that comes back waits until its earlier registration has run out: the default, 9 s, is most of a start.
    'broker.session.timeout.ms': 4000,
    'broker.heartbeat.interval.ms': 500,
  }
  return propertiesText(properties)
}

const LOGGING = `appender.console.type=Console
appender.console.name=console
appender.console.layout.type=PatternLayout
appender.console.layout.pattern=%d{yyyy-MM-dd'T'HH:mm:ss.SSS'Z'}{UTC} %p %c{1} %m%n
rootLogger.level=WARN
rootLogger.appenderRef.console.ref=console
`

function openKafka(addresses: string[]): Kafka {
  return new Kafka({
    brokers: addresses,
    clientId: 'linkfleet-local',
    logLevel: logLevel.NOTHING,
    connectionTimeout: 2_000,
    requestTimeout: 5_000,
    retry: { retries: 0 },
  })
}

async function answersMetadata(address: string, brokers: number): Promise<true | undefined> {
  const admin = openKafka([address]).admin()
  try {
    await admin.connect()
    const cluster = await admin.describeCluster()
    return cluster.brokers.length === brokers && cluster.controller !== null ? true : undefined
  } finally {
    await admin.disconnect().catch(() => {})
  }
}

/** Ready means a topic can be made, found with all its leaders, and removed. */
async function answersQuery(addresses: string[], signal: AbortSignal | undefined): Promise<void> {
  const topic = `linkfleet-started-${randomBytes(6).toString('hex')}`
  await waitFor({ what: 'Kafka made no topic', timeoutMs: 60_000, signal }, async () => {
    const admin = openKafka(addresses).admin()
    try {
      await admin.connect()
      await admin.createTopics({
        topics: [{ topic, numPartitions: 1 }],
        waitForLeaders: true,
        timeout: 5_000,
      })
      await admin.deleteTopics({ topics: [topic], timeout: 5_000 })
      return true
    } finally {
      await admin.disconnect().catch(() => {})
    }
  })
}
