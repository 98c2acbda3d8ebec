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
} from '@linkfleet/runtime/config'
import { shedTurnOption } from '@linkfleet/runtime/load-shedding'

export const shortenerConfig = defineConfig({
  ...commonOptions,
  adminPort: port('ADMIN_PORT', {
    description: 'The port of /livez, /readyz and /metrics; 0 picks a free one.',
    default: 9181,
  }),
  httpHost: text('HTTP_HOST', { description: 'Where the HTTP API listens.', default: '127.0.0.1' }),
  shedTurnMsMax: shedTurnOption(150),
  httpPort: port('HTTP_PORT', {
    description: 'The port of the HTTP API; 0 picks a free one.',
    default: 8081,
  }),
  grpcHost: text('GRPC_HOST', {
    description: 'Where gRPC listens. Private: other services only.',
    default: '127.0.0.1',
  }),
  grpcPort: port('GRPC_PORT', { description: 'The port of gRPC; 0 picks a free one.', default: 9081 }),
  databaseUrl: text('DATABASE_URL', {
    description: 'The Postgres primary; several hosts in one URL are searched for the one that is writable.',
    secret: true,
  }),
  databaseConnectionsMax: integer('DATABASE_CONNECTIONS_MAX', {
    description: 'The most connections this process opens for requests; the relay has two more.',
    default: 10,
    minimum: 3,
    maximum: 200,
  }),
  redisUrl: text('REDIS_URL', { description: 'The Redis that holds copies of links.', secret: true }),
  redisKeyPrefix: text('REDIS_KEY_PREFIX', {
    description: 'What every key in Redis starts with; the same in all services.',
    default: 'lf:',
  }),
  kafkaBrokers: list('KAFKA_BROKERS', { description: 'host:port of the Kafka brokers to ask first.' }),
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
  idGeneratorAddresses: list('ID_GENERATOR_ADDRESSES', {
    description: 'host:port of each id-generator, or dns:///name:port.',
  }),
  analyticsAddresses: list('ANALYTICS_ADDRESSES', {
    description: 'host:port of the gRPC of each analytics, for click totals; empty: totals are null.',
    default: [],
  }),
  publicUrl: httpUrl('PUBLIC_URL', {
    description: 'What short URLs start with. Its host (on loopback: its port) is never a target.',
    default: 'http://localhost:8080',
  }),
  consoleUrl: httpUrl('CONSOLE_URL', {
    description: 'Where the console is. Its host (on loopback: its port) is never a target.',
    default: 'http://localhost:8083',
  }),
  adminKeyFile: optionalText('ADMIN_KEY_FILE', {
    description: 'A file whose content is a key of role admin.',
  }),
  anonymousLoopback: flag('ANONYMOUS_LOOPBACK', {
    description: 'Lets callers on this machine create links without a key. For one-machine fleets only.',
    default: false,
  }),
  allowPrivateTargets: flag('ALLOW_PRIVATE_TARGETS', {
    description: 'Allows private, reserved and loopback hosts as targets, for intranets.',
    default: false,
  }),
  codePoolCodesMax: integer('CODE_POOL_CODES_MAX', {
    description:
      'How many generated codes are kept ready; creates go on from them while no id-generator answers.',
    default: 12_000,
    minimum: 1,
    maximum: 1_000_000,
  }),
})

export type ShortenerConfig = ConfigOf<typeof shortenerConfig>
