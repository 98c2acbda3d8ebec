import { randomUUID } from 'node:crypto'
import { isReservedWord } from '@linkfleet/contracts/reserved-words'
import { startGrpcServer } from '@linkfleet/runtime/grpc-server'
import { openPool } from '@linkfleet/runtime/postgres'
import type { ServiceContext } from '@linkfleet/runtime/process'
import { createShardLedgerPg } from './adapters/shard-ledger-pg.ts'
import { openStandbysPg } from './adapters/standbys-pg.ts'
import { startUpkeepLoop } from './adapters/upkeep-loop.ts'
import type { IdGeneratorConfig } from './config.ts'
import { createAllocateCodes } from './domain/allocate-codes.ts'
import { createGenerator } from './domain/generator.ts'
import { fleetRules } from './domain/rules.ts'
import { createEvents, exposeSupply } from './events.ts'
import { idGeneratorService } from './grpc/allocate-codes.ts'

const SHARD_COUNT = 1_024
const CODE_LENGTHS = [7, 8]
const UPKEEP_EVERY_MS = 1_000

export interface IdGenerator extends AsyncDisposable {
  /** host:port of gRPC. */
  readonly address: string
}

export async function startIdGenerator(
  config: IdGeneratorConfig,
  context: ServiceContext,
): Promise<IdGenerator> {
  const { log, metrics, health } = context
  const events = createEvents(log, metrics)
  const nowMs = () => performance.now()
  await using resources = new AsyncDisposableStack()

  const timeouts = { statementTimeoutMs: 1_500, connectTimeoutMs: 1_500 }
  const pool = resources.use(
    openPool({ url: config.databaseUrl, name: 'id-generator', maxConnections: 2, ...timeouts, log }),
  )
  const standbys = resources.use(openStandbysPg({ urls: config.replicaUrls, log }))
  health.dependency('postgres', () => pool.state())
  health.dependency('replicas', () => standbys.state())

  const generator = createGenerator({
    ledger: createShardLedgerPg(pool),
    standbys,
    owner: `${config.instance}/${randomUUID()}`,
    shardCount: SHARD_COUNT,
    codeLengths: CODE_LENGTHS,
    isReserved: isReservedWord,
    leasesWanted: config.shardsLeased,
    leaseTtlMs: config.leaseTtlMs,
    rules: { ...fleetRules, standbyGraceMs: config.standbyGraceMs },
    onReservation: events.blockAsked,
  })
  exposeSupply(metrics, generator)
  resources.defer(() => generator.handOver().catch(events.handOverFailed))

  const upkeep = resources.use(
    startUpkeepLoop({
      round: () => generator.upkeep(nowMs),
      intervalMs: UPKEEP_EVERY_MS,
      onFailure: events.upkeepFailed,
      onRecovery: events.upkeepRecovered,
    }),
  )
  const allocateCodes = createAllocateCodes({
    generator,
    wakeUpkeep: upkeep.wake,
    nextRound: upkeep.nextRound,
    nowMs,
  })
  const grpc = resources.use(
    await startGrpcServer({
      host: config.grpcHost,
      port: config.grpcPort,
      services: [idGeneratorService(allocateCodes, events.codesAllocated)],
      protoFiles: ['linkfleet/ids/v1/ids.proto'],
      log,
      metrics,
    }),
  )
  health.setReady()
  log.info({ grpc: grpc.address }, 'listening')
  const started = resources.move()
  return { address: grpc.address, [Symbol.asyncDispose]: () => started.disposeAsync() }
}
