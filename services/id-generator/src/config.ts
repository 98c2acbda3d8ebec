import {
  type ConfigOf,
  commonOptions,
  defineConfig,
  integer,
  port,
  text,
  urlList,
} from '@linkfleet/runtime/config'

export const idGeneratorConfig = defineConfig({
  ...commonOptions,
  databaseUrl: text('DATABASE_URL', {
    description:
      'The Postgres primary that keeps the counters; several hosts may be named, the writable one is used.',
    secret: true,
  }),
  replicaUrls: urlList('DATABASE_REPLICA_URLS', {
    description: 'Every replica that may be promoted; counters then stay within what a promotion can lose.',
    default: [],
    secret: true,
  }),
  grpcHost: text('GRPC_HOST', { description: 'Where gRPC listens.', default: '127.0.0.1' }),
  grpcPort: port('GRPC_PORT', { description: 'The port of gRPC; 0 picks a free one.' }),
  shardsLeased: integer('SHARDS_LEASED', {
    description: 'How many of the 1,024 counter shards one instance leases.',
    default: 4,
    minimum: 1,
    maximum: 1024,
  }),
  leaseTtlMs: integer('SHARD_LEASE_TTL_MS', {
    description: 'How long a shard stays with an instance that no longer renews its lease.',
    default: 15_000,
    minimum: 300,
    maximum: 600_000,
  }),
  standbyGraceMs: integer('STANDBY_GRACE_MS', {
    description:
      'A replica that is silent for longer is not counted as promotable: do not promote such a one.',
    default: 10_000,
    minimum: 0,
    maximum: 86_400_000,
  }),
})

export type IdGeneratorConfig = ConfigOf<typeof idGeneratorConfig>
