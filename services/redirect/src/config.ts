import { clicksPartitionCountDefault, clicksTopicDefault } from '@linkfleet/contracts/clicks'
import {
  type ConfigOf,
  commonOptions,
  defineConfig,
  flag,
  httpUrl,
  integer,
  list,
  optionalText,
  port,
  text,
  urlList,
} from '@linkfleet/runtime/config'
import { shedTurnOption } from '@linkfleet/runtime/load-shedding'

const MIB = 1024 * 1024

export const redirectConfig = defineConfig({
  ...commonOptions,
  httpHost: text('HTTP_HOST', { description: 'The address browsers reach.', default: '127.0.0.1' }),
  shedTurnMsMax: shedTurnOption(150),
  httpPort: port('HTTP_PORT', { description: 'The port browsers reach; 0 picks a free one.' }),
  publicUrl: httpUrl('PUBLIC_URL', {
    description: 'The base of short URLs, shown on the front page.',
    default: 'http://127.0.0.1:8080',
  }),
  redisUrl: text('REDIS_URL', { description: 'The cache of links shared by the fleet.', secret: true }),
  redisKeyPrefix: text('REDIS_KEY_PREFIX', {
    description: 'Stands before every key, so that fleets can share one Redis.',
    default: 'lf:',
  }),
  databaseReplicaUrls: urlList('DATABASE_REPLICA_URLS', {
    description: 'Read replicas of Postgres; the fastest of those that follow closely is read.',
    default: [],
    secret: true,
  }),
  shortenerAddresses: list('SHORTENER_ADDRESSES', {
    description: 'gRPC addresses of the shortener, which reads the primary for what no cache can tell.',
  }),
  analyticsAddresses: list('ANALYTICS_ADDRESSES', {
    description:
      'gRPC addresses of analytics, which keeps the salts of visitors; without any, unique visitors are not counted.',
    default: [],
  }),
  trustedProxies: list('TRUSTED_PROXIES', {
    description:
      'Addresses and networks of proxies whose X-Forwarded-For is believed, such as 10.0.0.0/8, separated by commas.',
    default: [],
  }),
  geoDatabaseFile: optionalText('GEO_DATABASE_FILE', {
    description:
      'A MaxMind DB file of countries or cities. It is held in memory; without one, the packaged database of countries is used.',
  }),
  respectDoNotTrack: flag('RESPECT_DO_NOT_TRACK', {
    description:
      'Counts clicks of browsers that send DNT or Sec-GPC without visitor, place, referrer and language.',
    default: true,
  }),
  kafkaBrokers: list('KAFKA_BROKERS', { description: 'Kafka brokers, host:port each.' }),
  clicksTopic: text('CLICKS_TOPIC', {
    description: 'The topic that clicks are sent to.',
    default: clicksTopicDefault,
  }),
  clicksPartitions: integer('CLICKS_PARTITIONS', {
    description:
      'Over how many partitions of the clicks topic links are spread; at most as many as the topic has.',
    default: clicksPartitionCountDefault,
    minimum: 1,
    maximum: 1_024,
  }),
  linkChangesTopic: text('LINK_CHANGES_TOPIC', {
    description: 'The topic that tells of changed links.',
    default: 'link-changes',
  }),
  linkChangesPartitions: integer('LINK_CHANGES_PARTITIONS', {
    description: 'How many partitions that topic gets when it is made.',
    default: 12,
    minimum: 1,
    maximum: 1_024,
  }),
  spoolDir: text('SPOOL_DIR', {
    description: 'The folder in which clicks wait for Kafka. It must outlive the process.',
  }),
  spoolBytesMax: integer('SPOOL_BYTES_MAX', {
    description: 'When the spool holds this many bytes, redirects go on and clicks are no longer recorded.',
    default: 1_024 * MIB,
    minimum: 4 * MIB,
    maximum: 1_024 * 1_024 * MIB,
  }),
  memoryCacheBytesMax: integer('MEMORY_CACHE_BYTES_MAX', {
    description: 'How much memory cached links may take, index and all.',
    default: 64 * MIB,
    minimum: MIB,
    maximum: 16_384 * MIB,
  }),
  redisTimeoutMs: integer('REDIS_TIMEOUT_MS', {
    description: 'How long a redirect waits for Redis before it turns to a replica.',
    default: 80,
    minimum: 5,
    maximum: 5_000,
  }),
  replicaTimeoutMs: integer('REPLICA_TIMEOUT_MS', {
    description: 'How long a redirect waits for a replica before it turns to the shortener.',
    default: 120,
    minimum: 5,
    maximum: 5_000,
  }),
  shortenerTimeoutMs: integer('SHORTENER_TIMEOUT_MS', {
    description: 'How long a redirect waits for the shortener. Below one second, since a no may be no older.',
    default: 800,
    minimum: 50,
    maximum: 950,
  }),
  missLimitPerMinute: integer('MISS_LIMIT_PER_MINUTE', {
    description:
      'A client of another machine that asks for more links that do not exist is answered 429 until its minute is over; 0: nobody is.',
    default: 120,
    minimum: 0,
    maximum: 1_000_000,
  }),
  breakerWindowMs: integer('BREAKER_WINDOW_MS', {
    description: 'How long a source that failed is left alone before one request tries it again.',
    default: 1_000,
    minimum: 50,
    maximum: 60_000,
  }),
})

export type RedirectConfig = ConfigOf<typeof redirectConfig>
