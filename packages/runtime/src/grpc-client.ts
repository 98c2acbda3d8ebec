/**
 * A gRPC client as every service has one: balanced over all connected instances, heartbeats that drop a frozen
 * one, outlier ejection, and a deadline on every call. Every method of ours is safe to repeat, so calls that no
 * instance took are repeated twice within the deadline.
 */

import grpc from '@grpc/grpc-js'
import { type ErrorCode, errorKinds, LinkfleetError } from '@linkfleet/contracts/errors'
import { errorCodeKey, errorFieldKey } from './grpc-server.ts'

type UnaryMethod<Request, Response> = (
  request: Request,
  metadata: grpc.Metadata,
  options: Partial<grpc.CallOptions>,
  callback: (error: grpc.ServiceError | null, response: Response) => void,
) => grpc.ClientUnaryCall

type ClientConstructor<Client extends grpc.Client> = new (
  address: string,
  credentials: grpc.ChannelCredentials,
  options?: Partial<grpc.ClientOptions>,
) => Client

export interface CallOptions {
  /** Overrides the client's own deadline. */
  readonly deadlineMs?: number
  readonly signal?: AbortSignal
}

export interface GrpcClient<Client extends grpc.Client> extends Disposable {
  /** Calls a unary method. Throws a LinkfleetError: the server's own, 'deadline-exceeded' or 'unavailable'. */
  call<Request, Response>(
    choose: (client: Client) => UnaryMethod<Request, Response>,
    request: Request,
    options?: CallOptions,
  ): Promise<Response>
  /** True while a connection to at least one healthy instance stands. */
  isConnected(): boolean
}

export interface GrpcClientOptions {
  /** 'host:port' of each instance, or a single 'dns:///name:port'. At least one. */
  readonly addresses: readonly string[]
  readonly deadlineMs: number
}

/**
 * One target for several addresses: grpc-js resolves `ipv4:a,b` to all of them. A single name is asked of DNS and may
 * stand for many; of several names only one could be asked, so they are refused.
 */
export function targetOf(addresses: readonly string[]): string {
  const [first] = addresses
  if (first === undefined) throw new Error('A gRPC client needs at least one address.')
  if (addresses.length === 1 && first.includes(':///')) return first
  const numeric = addresses.map((address) => address.replace(/^localhost:/, '127.0.0.1:'))
  if (numeric.every((address) => /^\d+\.\d+\.\d+\.\d+:\d+$/.test(address))) return `ipv4:${numeric.join(',')}`
  if (numeric.every((address) => /^\[[0-9a-f:.]+\]:\d+$/i.test(address))) return `ipv6:${numeric.join(',')}`
  if (addresses.length === 1) return `dns:///${first}`
  throw new Error(
    `Several gRPC addresses must all be IPv4 or all IPv6 (${addresses.join(', ')}); a name stands alone, as dns:///name:port.`,
  )
}

/** https://grpc.io/docs/guides/service-config/ */
const serviceConfig = {
  loadBalancingConfig: [
    {
      outlier_detection: {
        interval: { seconds: 2, nanos: 0 },
        base_ejection_time: { seconds: 5, nanos: 0 },
        max_ejection_percent: 50,
        failure_percentage_ejection: { threshold: 50, minimum_hosts: 2, request_volume: 5 },
        child_policy: [{ round_robin: {} }],
      },
    },
  ],
  methodConfig: [
    {
      name: [{}],
      retryPolicy: {
        maxAttempts: 3,
        initialBackoff: '0.02s',
        maxBackoff: '0.2s',
        backoffMultiplier: 2,
        retryableStatusCodes: ['UNAVAILABLE'],
      },
    },
  ],
}

const channelOptions: Partial<grpc.ClientOptions> = {
  'grpc.service_config': JSON.stringify(serviceConfig),
  'grpc.service_config_disable_resolution': 1,
  'grpc.keepalive_time_ms': 2_000,
  'grpc.keepalive_timeout_ms': 1_500,
  'grpc.keepalive_permit_without_calls': 1,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.min_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1_000,
}

export function openGrpcClient<Client extends grpc.Client>(
  ClientClass: ClientConstructor<Client>,
  options: GrpcClientOptions,
): GrpcClient<Client> {
  const client = new ClientClass(
    targetOf(options.addresses),
    grpc.credentials.createInsecure(),
    channelOptions,
  )
  return {
    call(choose, request, callOptions = {}) {
      const { signal } = callOptions
      const deadline = Date.now() + (callOptions.deadlineMs ?? options.deadlineMs)
      return new Promise((resolve, reject) => {
        const method = choose(client).bind(client)
        const call = method(request, new grpc.Metadata(), { deadline }, (error, response) => {
          signal?.removeEventListener('abort', cancel)
          if (error === null) resolve(response)
          else reject(toLinkfleetError(error))
        })
        const cancel = () => call.cancel()
        if (signal?.aborted === true) cancel()
        else signal?.addEventListener('abort', cancel, { once: true })
      })
    },
    isConnected: () => client.getChannel().getConnectivityState(true) === grpc.connectivityState.READY,
    [Symbol.dispose]: () => client.close(),
  }
}

function toLinkfleetError(error: grpc.ServiceError): LinkfleetError {
  const [sent] = error.metadata?.get(errorCodeKey) ?? []
  const [field] = error.metadata?.get(errorFieldKey) ?? []
  const code = typeof sent === 'string' && sent in errorKinds ? (sent as ErrorCode) : codeOfStatus(error.code)
  return new LinkfleetError(code, error.details || error.message, {
    cause: error,
    ...(typeof field === 'string' ? { field } : {}),
  })
}

function codeOfStatus(status: grpc.status): ErrorCode {
  if (status === grpc.status.DEADLINE_EXCEEDED || status === grpc.status.CANCELLED) return 'deadline-exceeded'
  if (status === grpc.status.UNAVAILABLE || status === grpc.status.RESOURCE_EXHAUSTED) return 'unavailable'
  return 'internal'
}
