/** A gRPC server as every service has one: health, reflection, one error table, durations, bounded messages. */
import { fileURLToPath } from 'node:url'
import grpc from '@grpc/grpc-js'
import protoLoader from '@grpc/proto-loader'
import { ReflectionService } from '@grpc/reflection'
import { errorKinds, LinkfleetError } from '@linkfleet/contracts/errors'
import { HealthImplementation } from 'grpc-health-check'
import { errorCodeKey, errorFieldKey } from './grpc/error-keys.ts'
import type { Logger } from './log.ts'
import { latencyBucketsSeconds, type Metrics } from './metrics.ts'
import { requestIdHeader, serveAsPartOf } from './request-id.ts'
import { traceServed } from './tracing/trace-grpc.ts'
import { turnClock } from './turn-clock.ts'

export type Unary<Request, Response> = (
  request: Request,
  call: { readonly signal: AbortSignal },
) => Promise<Response>

/** The implementation of a ts-proto service definition: one async function for each of its methods. */
export type Implementation<Definition> = {
  readonly [Method in keyof Definition]: Definition[Method] extends grpc.MethodDefinition<
    infer Request,
    infer Response
  >
    ? Unary<Request, Response>
    : never
}

export interface GrpcService {
  readonly definition: grpc.ServiceDefinition
  readonly implementation: Readonly<Record<string, Unary<never, unknown>>>
}

/** Pairs a definition with its implementation, checked against each other. */
export function grpcService<Definition extends grpc.ServiceDefinition>(
  definition: Definition,
  implementation: Implementation<Definition>,
): GrpcService {
  return { definition, implementation: implementation as GrpcService['implementation'] }
}

export interface GrpcServerOptions {
  readonly host: string
  readonly port: number
  readonly services: readonly GrpcService[]
  readonly log: Logger
  readonly metrics: Metrics
  /** Paths below packages/contracts/proto, for reflection: 'linkfleet/ids/v1/ids.proto'. */
  readonly protoFiles: readonly string[]
}

export interface GrpcListening extends AsyncDisposable {
  /** host:port */
  readonly address: string
  readonly port: number
}

const protoRoot = fileURLToPath(new URL('../proto', import.meta.resolve('@linkfleet/contracts/errors')))
const messageBytesMax = 4 * 1024 * 1024
const drainMs = 5_000

const serverOptions: grpc.ServerOptions = {
  'grpc.max_receive_message_length': messageBytesMax,
  'grpc.max_send_message_length': messageBytesMax,
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 3_000,
  'grpc.max_concurrent_streams': 1_000,
}

/** Listens; health says SERVING. Disposing says NOT_SERVING, lets calls finish for at most 5 s, then closes. */
export async function startGrpcServer(options: GrpcServerOptions): Promise<GrpcListening> {
  const server = new grpc.Server(serverOptions)
  const durations = options.metrics.histogram(
    'grpc_server_handling_seconds',
    'Time from the arrival of a call to its answer, with its wait for a busy event loop: an upper bound of it.',
    ['grpc_service', 'grpc_method', 'grpc_code'],
    latencyBucketsSeconds,
  )
  const names: string[] = []
  for (const service of options.services) {
    const handlers: Record<string, grpc.handleUnaryCall<unknown, unknown>> = {}
    for (const [method, details] of Object.entries(service.definition)) {
      const [, serviceName = '', methodName = method] = details.path.split('/')
      if (!names.includes(serviceName)) names.push(serviceName)
      const observe = (code: grpc.status, seconds: number) =>
        durations.observe(
          { grpc_service: serviceName, grpc_method: methodName, grpc_code: grpc.status[code] ?? 'UNKNOWN' },
          seconds,
        )
      for (const code of ['OK', 'INTERNAL', 'UNAVAILABLE']) {
        durations.zero({ grpc_service: serviceName, grpc_method: methodName, grpc_code: code })
      }
      const implementation = service.implementation[method]
      if (implementation === undefined)
        throw new Error(`The gRPC method ${details.path} has no implementation.`)
      handlers[method] = handleUnary(
        implementation as Unary<unknown, unknown>,
        details.path,
        options.log,
        observe,
      )
    }
    server.addService(service.definition, handlers)
  }
  const health = new HealthImplementation(
    Object.fromEntries(['', ...names].map((name) => [name, 'SERVING' as const])),
  )
  health.addToServer(server)
  addReflection(server, options.protoFiles)
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(
      `${options.host}:${options.port}`,
      grpc.ServerCredentials.createInsecure(),
      (error, bound) => (error === null ? resolve(bound) : reject(error)),
    )
  })
  return {
    address: `${options.host}:${port}`,
    port,
    async [Symbol.asyncDispose]() {
      for (const name of ['', ...names]) health.setStatus(name, 'NOT_SERVING')
      await shutDown(server)
    },
  }
}

function addReflection(server: grpc.Server, protoFiles: readonly string[]): void {
  const definition = protoLoader.loadSync([...protoFiles], { includeDirs: [protoRoot], keepCase: true })
  new ReflectionService(definition).addToServer(server)
}

async function shutDown(server: grpc.Server): Promise<void> {
  const force = setTimeout(() => server.forceShutdown(), drainMs)
  await new Promise<void>((resolve) => server.tryShutdown(() => resolve()))
  clearTimeout(force)
}

function handleUnary(
  implementation: Unary<unknown, unknown>,
  path: string,
  log: Logger,
  observe: (code: grpc.status, seconds: number) => void,
): grpc.handleUnaryCall<unknown, unknown> {
  return (call, callback) => {
    const startedMs = turnClock().arrivedMs()
    const cancelled = new AbortController()
    call.on('cancelled', () => cancelled.abort())
    const seconds = () => (performance.now() - startedMs) / 1000
    const [requestId] = call.metadata.get(requestIdHeader)
    const serve = async () => {
      try {
        return await implementation(call.request, { signal: cancelled.signal })
      } catch (cause) {
        // In here the line still knows its request and its trace.
        if (isDefect(cause)) log.error({ err: cause, path }, 'call failed')
        throw cause
      }
    }
    traceServed(path, call.metadata, () => serveAsPartOf(requestId, serve)).then(
      (response) => {
        observe(grpc.status.OK, seconds())
        callback(null, response)
      },
      (cause: unknown) => {
        const status = toGrpcStatus(cause)
        observe(status.code, seconds())
        callback(status)
      },
    )
  }
}

const isDefect = (cause: unknown) => !(cause instanceof LinkfleetError) || cause.code === 'internal'

function toGrpcStatus(cause: unknown): grpc.ServerErrorResponse & { code: grpc.status } {
  const known =
    cause instanceof LinkfleetError
      ? cause
      : new LinkfleetError('internal', 'The call failed. It has been logged.')
  const metadata = new grpc.Metadata()
  metadata.set(errorCodeKey, known.code)
  if (known.field !== undefined) metadata.set(errorFieldKey, known.field)
  return Object.assign(new Error(known.message), {
    code: errorKinds[known.code].grpcStatus as grpc.status,
    details: known.message,
    metadata,
  })
}
