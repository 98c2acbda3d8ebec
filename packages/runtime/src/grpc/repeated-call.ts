/**
 * One call, made as often as it takes within its deadline: at once on another instance when one could not take it, and
 * on a second one beside the first when the first goes unanswered for long ("The Tail at Scale", Dean and Barroso,
 * 2013). The first answer counts and the other attempts are cancelled. Only for methods that are safe to repeat.
 */
import grpc from '@grpc/grpc-js'
import { backoffMs } from '../backoff.ts'
import { metadataOfCall } from '../tracing/trace-grpc.ts'
import type { SecondTries } from './balance.ts'
import type { Instance } from './instance.ts'

export type UnaryMethod<Request, Response> = (
  request: Request,
  metadata: grpc.Metadata,
  options: Partial<grpc.CallOptions>,
  callback: (error: grpc.ServiceError | null, response: Response) => void,
) => grpc.ClientUnaryCall

export interface RepeatedCall<Client, Request, Response> {
  readonly choose: (client: Client) => UnaryMethod<Request, Response>
  readonly request: Request
  /** Of Date.now. */
  readonly deadlineAtMs: number
  /** An attempt that is not answered for so long gets a second one beside it. */
  readonly unansweredMs: number
  readonly pick: (tried: ReadonlySet<Instance<Client>>) => Instance<Client> | undefined
  readonly secondTries: SecondTries
  readonly signal: AbortSignal | undefined
}

const attemptsMax = 3
const retryBackoff = { baseMs: 20, maxMs: 200 }

/** The instance could not take the call, or went away with it. */
const takenByNobody = new Set([
  grpc.status.UNAVAILABLE,
  grpc.status.RESOURCE_EXHAUSTED,
  grpc.status.CANCELLED,
])
const ownFaults = new Set([grpc.status.INTERNAL, grpc.status.UNKNOWN])

/** Rejects with the grpc.ServiceError of the last attempt, or with what makes an attempt impossible. */
export function callRepeatedly<Client extends grpc.Client, Request, Response>(
  call: RepeatedCall<Client, Request, Response>,
): Promise<Response> {
  return new Repetition(call).run()
}

class Repetition<Client extends grpc.Client, Request, Response> {
  readonly #call: RepeatedCall<Client, Request, Response>
  readonly #outcome = Promise.withResolvers<Response>()
  readonly #running = new Set<grpc.ClientUnaryCall>()
  readonly #tried = new Set<Instance<Client>>()
  readonly #timers = new Set<NodeJS.Timeout>()
  #attempts = 0
  #settled = false

  constructor(call: RepeatedCall<Client, Request, Response>) {
    this.#call = call
  }

  run(): Promise<Response> {
    const { signal } = this.#call
    if (signal?.aborted === true) this.#abandon()
    else {
      signal?.addEventListener('abort', this.#abandon, { once: true })
      this.#attempt()
    }
    return this.#outcome.promise
  }

  readonly #abandon = (): void => this.#fail(statusError(grpc.status.CANCELLED, 'The caller gave up.'))

  #fail(cause: unknown): void {
    this.#settle()
    this.#outcome.reject(cause)
  }

  #settle(): void {
    this.#settled = true
    this.#call.signal?.removeEventListener('abort', this.#abandon)
    for (const timer of this.#timers) clearTimeout(timer)
    for (const attempt of this.#running) attempt.cancel()
  }

  #later(afterMs: number, act: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      act()
    }, afterMs)
    this.#timers.add(timer)
  }

  #attempt(): void {
    const instance = this.#call.pick(this.#tried)
    if (instance === undefined) {
      this.#fail(statusError(grpc.status.UNAVAILABLE, 'No instance is known.'))
      return
    }
    this.#attempts += 1
    const isAgain = this.#tried.has(instance)
    this.#tried.add(instance)
    try {
      this.#start(instance)
    } catch (cause) {
      this.#fail(cause)
      return
    }
    // After a pause of this process answers may wait to be read: only after a look at them is it silence.
    if (!isAgain) {
      this.#later(this.#call.unansweredMs, () => setImmediate(() => this.#unanswered(instance)))
    }
  }

  #start(instance: Instance<Client>): void {
    const { choose, request, deadlineAtMs } = this.#call
    const { client } = instance
    const method = choose(client).bind(client)
    const options = { deadline: deadlineAtMs }
    const started = method(request, metadataOfCall(), options, (error, response) => {
      this.#running.delete(started)
      if (!this.#settled) this.#ended(instance, error, response)
    })
    this.#running.add(started)
  }

  #ended(instance: Instance<Client>, error: grpc.ServiceError | null, response: Response): void {
    if (error === null) {
      instance.standing.answered()
      this.#call.secondTries.succeeded()
      this.#settle()
      this.#outcome.resolve(response)
      return
    }
    const mayBeRepeated = takenByNobody.has(error.code)
    if (mayBeRepeated || ownFaults.has(error.code)) instance.standing.failed(Date.now())
    else if (error.code !== grpc.status.DEADLINE_EXCEEDED) instance.standing.answered()
    if (!mayBeRepeated) this.#fail(error)
    else if (this.#running.size === 0) this.#attemptAfter(error)
  }

  /** At once where this call has not been yet; elsewhere after a pause. */
  #attemptAfter(error: grpc.ServiceError): void {
    const next = this.#call.pick(this.#tried)
    const isNew = next !== undefined && !this.#tried.has(next)
    const pauseMs = isNew ? 0 : backoffMs(this.#attempts - 1, retryBackoff)
    const isTooLate = Date.now() + pauseMs >= this.#call.deadlineAtMs
    if (this.#attempts >= attemptsMax || isTooLate) this.#fail(error)
    else if (isNew) this.#attempt()
    else this.#later(pauseMs, () => this.#attempt())
  }

  #unanswered(instance: Instance<Client>): void {
    if (this.#settled) return
    instance.standing.failed(Date.now())
    const next = this.#call.pick(this.#tried)
    if (next === undefined || this.#tried.has(next) || !next.standing.isServing) return
    if (this.#attempts < attemptsMax && this.#call.secondTries.take()) this.#attempt()
  }
}

function statusError(code: grpc.status, details: string): grpc.ServiceError {
  return Object.assign(new Error(details), { code, details, metadata: new grpc.Metadata() })
}
