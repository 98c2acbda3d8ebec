/**
 * A gRPC client as every service has one: calls balanced over the instances that say they serve, heartbeats that drop a
 * frozen one, outlier ejection, names asked of DNS again and again, and a deadline on every call. Every method of ours
 * is safe to repeat, so a call that an instance does not take or does not answer goes to another within its deadline.
 */
import grpc from '@grpc/grpc-js'
import { type ErrorCode, errorKinds, LinkfleetError } from '@linkfleet/contracts/errors'
import { sleep } from './backoff.ts'
import { type Lookup, watchAddresses } from './grpc/addresses.ts'
import { pickInstance, SecondTries } from './grpc/balance.ts'
import { type CallDurations, measureCalls } from './grpc/call-durations.ts'
import { errorCodeKey, errorFieldKey } from './grpc/error-keys.ts'
import { type ClientConstructor, type Instance, openInstance } from './grpc/instance.ts'
import { callRepeatedly, type UnaryMethod } from './grpc/repeated-call.ts'
import type { Metrics } from './metrics.ts'
import { traceCall } from './tracing/trace-grpc.ts'

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
  /** True while at least one instance says that it serves. */
  isConnected(): boolean
  /** The instances known now. */
  instances(): { readonly address: string; readonly isServing: boolean }[]
}

export interface GrpcClientOptions {
  /** `host:port` or `dns:///name:port`, in any mixture; a name may stand for many instances. At least one. */
  readonly addresses: readonly string[]
  readonly deadlineMs: number
  /** Where calls are counted and timed. */
  readonly metrics?: Metrics
  /** Asked for names instead of the system's resolver. */
  readonly lookup?: Lookup
  readonly lookAgainMs?: number
}

type ServiceClient<Client extends grpc.Client> = ClientConstructor<Client> & {
  readonly service: grpc.ServiceDefinition
  readonly serviceName: string
}

/** A call gets a second attempt beside the first when it is unanswered for this share of its deadline. */
const unansweredShare = 0.3
const secondTryBounds = { tokensMax: 500, tokensPerSuccess: 0.2 }

export function openGrpcClient<Client extends grpc.Client>(
  ClientClass: ServiceClient<Client>,
  options: GrpcClientOptions,
): GrpcClient<Client> {
  const instances = new Map<string, Instance<Client>>()
  const secondTries = new SecondTries(secondTryBounds)
  let inOrder: readonly Instance<Client>[] = []
  let turn = 0
  const durations = options.metrics && measureCalls(options.metrics, ClientClass.service)

  const watch = watchAddresses(options.addresses, follow, options)

  function follow(addresses: readonly string[]): void {
    const wanted = new Set(addresses)
    for (const [address, instance] of instances) {
      if (wanted.has(address)) continue
      instances.delete(address)
      instance[Symbol.dispose]()
    }
    for (const address of wanted) {
      if (instances.has(address)) continue
      instances.set(address, openInstance(ClientClass, address, ClientClass.serviceName))
    }
    inOrder = [...instances.values()]
  }

  return {
    async call(choose, request, { deadlineMs = options.deadlineMs, signal } = {}) {
      const deadlineAtMs = Date.now() + deadlineMs
      const observe = observerOf(durations, choose(ClientClass.prototype as Client))
      if (inOrder.length === 0) await within(watch.first, deadlineMs)
      const pick = (tried: ReadonlySet<Instance<Client>>) => pickInstance(inOrder, tried, turn++, Date.now())
      const unansweredMs = deadlineMs * unansweredShare
      try {
        const call = { choose, request, deadlineAtMs, unansweredMs, pick, secondTries, signal }
        const answer = await traceCall(ClientClass.serviceName, () => callRepeatedly(call))
        observe(grpc.status.OK)
        return answer
      } catch (cause) {
        observe((cause as Partial<grpc.ServiceError>).code ?? grpc.status.UNKNOWN)
        throw toLinkfleetError(cause as grpc.ServiceError)
      }
    },
    isConnected: () => inOrder.some(({ standing }) => standing.isServing),
    instances: () => inOrder.map(({ address, standing }) => ({ address, isServing: standing.isServing })),
    [Symbol.dispose]() {
      watch[Symbol.dispose]()
      for (const instance of instances.values()) instance[Symbol.dispose]()
    },
  }
}

/** Times a call from now on. A method of a generated client knows its path. */
function observerOf(durations: CallDurations | undefined, method: object): (code: grpc.status) => void {
  if (durations === undefined) return () => {}
  const { path } = method as { readonly path: string }
  const startedMs = performance.now()
  return (code) => durations.observe(path, code, (performance.now() - startedMs) / 1000)
}

async function within(work: Promise<void>, durationMs: number): Promise<void> {
  const done = new AbortController()
  await Promise.race([work.then(() => done.abort()), sleep(durationMs, done.signal)])
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
