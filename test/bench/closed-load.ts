/** A closed model: each connection sends its next request when the one before is answered. It finds the capacity. */

import type { HttpAnswer } from './http-answers.ts'
import { openHttpConnections } from './http-connections.ts'
import { createLatencyRecorder, type Percentiles } from './latency.ts'

export interface ClosedLoadOptions {
  readonly port: number
  readonly connections: number
  readonly seconds: number
  readonly status: number
  /** undefined ends the load before its time. */
  readonly nextRequest: () => string | undefined
  readonly onAnswer?: (answer: HttpAnswer) => void
  readonly signal: AbortSignal
}

export interface ClosedLoad {
  /** Answered with the status that was wanted. */
  readonly answered: number
  /** Anything else, connections that ended included. */
  readonly failed: number
  readonly seconds: number
  readonly latency: Percentiles
}

export async function runClosedLoad(options: ClosedLoadOptions): Promise<ClosedLoad> {
  using connections = await openHttpConnections(options.port, options.connections)
  const latency = createLatencyRecorder()
  const startedMs = performance.now()
  const endMs = startedMs + options.seconds * 1_000
  let answered = 0
  let failed = 0
  await Promise.all(
    connections.all.map(
      (connection) =>
        new Promise<void>((resolve) => {
          const next = () => {
            const sentMs = performance.now()
            if (sentMs >= endMs || options.signal.aborted) return resolve()
            const request = options.nextRequest()
            if (request === undefined) return resolve()
            connection.send(request, (answer) => {
              latency.record(performance.now() - sentMs)
              if (answer?.status === options.status) {
                answered += 1
                options.onAnswer?.(answer)
              } else failed += 1
              if (answer === undefined) resolve()
              else next()
            })
          }
          next()
        }),
    ),
  )
  options.signal.throwIfAborted()
  return {
    answered,
    failed,
    seconds: (performance.now() - startedMs) / 1_000,
    latency: latency.percentiles(),
  }
}
