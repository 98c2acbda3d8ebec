/**
 * Generated codes kept ready: a bounded pool, filled in the background over gRPC, balanced over the id-generators
 * that are well. Creates go on from it while every generator is away. A code is never put back.
 *
 * The pool is filled again once one call's worth of codes is missing. So when the generators go away there are always
 * some 1,000 less than its bound, and a bound of 12,000 keeps the promise of 10,000 creates.
 */
import { LinkfleetError } from '@linkfleet/contracts/errors'
import { IdGeneratorClient } from '@linkfleet/contracts/generated/linkfleet/ids/v1/ids'
import { backoffMs, sleep } from '@linkfleet/runtime/backoff'
import { openGrpcClient } from '@linkfleet/runtime/grpc-client'
import type { Metrics } from '@linkfleet/runtime/metrics'
import type { CodePool } from '../ports.ts'

/** The most codes one call asks for. */
const codesPerCallMax = 1_000
const callDeadlineMs = 1_000
const waitWhenEmptyMs = 300
const waitersMax = 4_000

export interface OpenCodePool extends CodePool, AsyncDisposable {
  /** How many codes are ready. */
  readonly size: number
  /** 'up', or how it stands. */
  state(): string
}

export interface CodePoolOptions {
  readonly addresses: readonly string[]
  readonly codesMax: number
  readonly metrics: Metrics
  /** Told when a refill fails, once for each failed call. */
  readonly onRefillFailed: (error: unknown) => void
  /** Told of each caller that got no code. */
  readonly onEmpty?: () => void
}

export function openCodePoolGrpc(options: CodePoolOptions): OpenCodePool {
  const client = openGrpcClient(IdGeneratorClient, {
    addresses: options.addresses,
    deadlineMs: callDeadlineMs,
    metrics: options.metrics,
  })
  const pool = openCodePool({
    ...options,
    allocate: async (count) => (await client.call((generator) => generator.allocateCodes, { count })).codes,
  })
  return Object.assign(pool, {
    async [Symbol.asyncDispose]() {
      pool.stop()
      client[Symbol.dispose]()
    },
  })
}

interface Waiter {
  readonly codesWanted: number
  readonly settled: PromiseWithResolvers<string[]>
}

interface PoolOptions extends Omit<CodePoolOptions, 'addresses' | 'metrics'> {
  readonly allocate: (count: number) => Promise<readonly string[]>
}

/** The pool over any source of codes. */
export function openCodePool(options: PoolOptions) {
  const { codesMax } = options
  // A small pool asks for a tenth of it at a time, or nearly empty would be its usual state.
  const refillAt = codesMax - Math.min(codesPerCallMax, Math.ceil(codesMax / 10))
  const ready: string[] = []
  let waiters: Waiter[] = []
  const stopped = new AbortController()
  let refilling = false
  let lastFailure: string | undefined

  /** Who waits for more than the pool holds gets it all the same. */
  const codesWanted = () => waiters.reduce((most, waiter) => Math.max(most, waiter.codesWanted), codesMax)

  /** Each waiter gets all or nothing yet; one that waits for few is not held up by one that waits for many. */
  function serve(): void {
    waiters = waiters.filter(({ codesWanted: count, settled }) => {
      if (count > ready.length) return true
      settled.resolve(ready.splice(-count))
      return false
    })
  }

  async function refill(): Promise<void> {
    if (refilling) return
    refilling = true
    let attempt = 0
    while (!stopped.signal.aborted && ready.length < codesWanted()) {
      try {
        ready.push(...(await options.allocate(Math.min(codesPerCallMax, codesWanted() - ready.length))))
        attempt = 0
        lastFailure = undefined
        serve()
      } catch (error) {
        if (stopped.signal.aborted) break
        lastFailure = (error as Error).message
        options.onRefillFailed(error)
        await sleep(backoffMs(attempt++, { baseMs: 50, maxMs: 1_000 }), stopped.signal)
      }
    }
    refilling = false
  }

  async function waitForCodes(count: number): Promise<string[]> {
    if (waiters.length >= waitersMax) throw refuse()
    const waiter: Waiter = { codesWanted: count, settled: Promise.withResolvers() }
    waiters.push(waiter)
    void refill()
    const timer = setTimeout(() => {
      waiters.splice(waiters.indexOf(waiter), 1)
      waiter.settled.reject(refuse())
    }, waitWhenEmptyMs)
    try {
      return await waiter.settled.promise
    } finally {
      clearTimeout(timer)
    }
  }

  function refuse(): LinkfleetError {
    options.onEmpty?.()
    return noCodes()
  }

  void refill()
  return {
    async take(): Promise<string> {
      const code = ready.pop()
      if (ready.length <= refillAt) void refill()
      if (code !== undefined) return code
      return (await waitForCodes(1))[0] as string
    },
    async takeAll(count: number): Promise<readonly string[]> {
      if (count === 0) return []
      if (count > ready.length) return await waitForCodes(count)
      const codes = ready.splice(-count)
      if (ready.length <= refillAt) void refill()
      return codes
    },
    get size() {
      return ready.length
    },
    state: () => (lastFailure === undefined ? 'up' : `${lastFailure} (${ready.length} codes left)`),
    stop: () => stopped.abort(),
  }
}

function noCodes(): LinkfleetError {
  return new LinkfleetError(
    'not-created',
    'No code is ready for a new link. Nothing was created; an alias still works.',
    {
      retryAfterSeconds: 1,
    },
  )
}
