import { clicksPartitionCountDefault, clicksTopicDefault } from '@linkfleet/contracts/clicks'
import {
  type ConfigOf,
  commonOptions,
  defineConfig,
  flag,
  httpUrl,
  integer,
  list,
  port,
  text,
  urlList,
} from '@linkfleet/runtime/config'
import { shedTurnOption } from '@linkfleet/runtime/load-shedding'
import { archiveOptions } from './archive-config.ts'

export const analyticsConfig = defineConfig({
  ...commonOptions,
  httpHost: text('HTTP_HOST', {
    description: 'The address that the HTTP API listens on.',
    default: '127.0.0.1',
  }),
  shedTurnMsMax: shedTurnOption(150),
  httpPort: port('HTTP_PORT', { description: 'The port of the HTTP API; 0 picks a free one.' }),
  grpcHost: text('GRPC_HOST', {
    description: 'The address that gRPC listens on. Private: never publish it.',
    default: '127.0.0.1',
  }),
  grpcPort: port('GRPC_PORT', { description: 'The port of gRPC; 0 picks a free one.' }),
  databaseUrl: text('DATABASE_URL', {
    description: 'The Postgres primary; several hosts in one URL are searched for the writable one.',
    secret: true,
  }),
  databaseReplicaUrls: urlList('DATABASE_REPLICA_URLS', {
    description: 'Postgres replicas that statistics are read from; without any, the primary is read.',
    default: [],
    secret: true,
  }),
  kafkaBrokers: list('KAFKA_BROKERS', { description: 'Kafka brokers as host:port, separated by commas.' }),
  shortenerAddresses: list('SHORTENER_ADDRESSES', {
    description: 'gRPC addresses of the shortener, asked about keys and codes.',
  }),
  publicUrl: httpUrl('PUBLIC_URL', {
    description: 'The base of short URLs; its host is the name of the default domain.',
    default: 'http://127.0.0.1:8080',
  }),
  anonymousLoopback: flag('ANONYMOUS_LOOPBACK', {
    description:
      'Lets callers on the loopback interface read statistics without a key. Only for a fleet on one machine.',
    default: false,
  }),
  clicksTopic: text('CLICKS_TOPIC', {
    description: 'The Kafka topic that clicks are read from.',
    default: clicksTopicDefault,
  }),
  clicksPartitions: integer('CLICKS_PARTITIONS', {
    description: 'How many partitions the topic gets when it does not exist yet.',
    default: clicksPartitionCountDefault,
    minimum: 1,
    maximum: 1_024,
  }),
  clicksGroup: text('CLICKS_GROUP', {
    description: 'The Kafka consumer group that instances share the partitions in.',
    default: 'analytics',
  }),
  ingestConcurrency: integer('INGEST_CONCURRENCY', {
    description: 'How many partitions of one instance are applied at the same time.',
    default: 4,
    minimum: 1,
    maximum: 32,
  }),
  ingestFetchBytesMax: integer('INGEST_FETCH_BYTES_MAX', {
    description:
      'The most that one fetch brings of one partition: it bounds memory. While behind, more clicks in one transaction cost less each.',
    default: 4_194_304,
    minimum: 65_536,
    maximum: 16_777_216,
  }),
  sessionTimeoutMs: integer('CLICKS_SESSION_TIMEOUT_MS', {
    description: 'After this silence of an instance the group gives its partitions to others.',
    default: 10_000,
    minimum: 6_000,
    maximum: 300_000,
  }),
  liveStreamsMax: integer('LIVE_STREAMS_MAX', {
    description: 'How many live streams of statistics one instance serves at a time.',
    default: 1_000,
    minimum: 1,
    maximum: 50_000,
  }),
  liveStreamsPerCallerMax: integer('LIVE_STREAMS_PER_CALLER_MAX', {
    description: 'How many of them one key, session or address may have open.',
    default: 50,
    minimum: 1,
    maximum: 50_000,
  }),
  ...archiveOptions,
  minuteRetentionDays: integer('MINUTE_RETENTION_DAYS', {
    description: 'How long clicks are kept by minute; by day they are kept for ever.',
    default: 35,
    minimum: 1,
    maximum: 3_650,
  }),
  hourRetentionDays: integer('HOUR_RETENTION_DAYS', {
    description: 'How long clicks are kept by hour.',
    default: 400,
    minimum: 1,
    maximum: 3_650,
  }),
})

export type AnalyticsConfig = ConfigOf<typeof analyticsConfig>
