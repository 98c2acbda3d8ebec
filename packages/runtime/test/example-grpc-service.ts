/** A gRPC service that answers with its own name, for the tests of how clients choose among instances. */
import { IdGeneratorService } from '@linkfleet/contracts/generated/linkfleet/ids/v1/ids'
import { commonOptions, defineConfig, integer, port } from '../src/config.ts'
import { grpcService, startGrpcServer } from '../src/grpc-server.ts'
import { runService } from '../src/process.ts'

const config = defineConfig({
  ...commonOptions,
  grpcPort: port('GRPC_PORT', { description: 'Where gRPC listens.' }),
  answersAfterMs: integer('EXAMPLE_ANSWERS_AFTER_MS', {
    description: 'How long each call takes.',
    default: 0,
    minimum: 0,
    maximum: 60_000,
  }),
})

await runService({
  name: 'example-grpc',
  config,
  async start({ grpcPort, answersAfterMs, instance }, { health, log, metrics }) {
    const service = grpcService(IdGeneratorService, {
      async allocateCodes() {
        if (answersAfterMs > 0) await new Promise((resolve) => setTimeout(resolve, answersAfterMs))
        return { codes: [instance] }
      },
    })
    const server = await startGrpcServer({
      host: '127.0.0.1',
      port: grpcPort,
      services: [service],
      protoFiles: ['linkfleet/ids/v1/ids.proto'],
      log,
      metrics,
    })
    health.setReady()
    log.info({ grpc: server.address }, 'listening')
    return server
  },
})
