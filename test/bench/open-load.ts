/**
 * An open model: requests leave at their appointed times, whether or not earlier ones were answered, as visitors do
 * who know nothing of each other. Latency counts from the appointed time, so a server that stalls is charged for
 * everybody who would have come meanwhile ("coordinated omission", Gil Tene). When all connections are busy a request
 * waits here, and its waiting counts too. The generator's own delays count as well, so it has to prove itself on a
 * bare server first.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { type HttpConnection, openHttpConnections } from './http-connections.ts'
import { createLatencyRecorder, type LatencyRecorder, type Percentiles } from './latency.ts'

export interface OpenLoadOptions {
  readonly port: number
  readonly connections: number
  readonly ratePerSecond: number
  readonly seconds: number
  readonly status: number
  /** What a server that has too much to do answers instead, if that is expected. */
  readonly refusedStatus?: number
  /** Latencies of what is due in the first seconds are not told: until a server has seen what comes. */
  readonly settleSeconds?: number
  /** Where latencies are kept: that of several loads in one, for whoever asks for it. */
  readonly latency?: LatencyRecorder
  readonly nextRequest: () => string
  readonly signal: AbortSignal
}

export interface OpenLoad {
  /** How many were due. */
  readonly appointed: number
  readonly answered: number
  readonly refused: number
  /** Neither answered nor refused. */
  readonly failed: number
  readonly latency: Percentiles
  readonly refusalLatency: Percentiles
}

const tickMs = 1
/** How long answers may take after the last appointment. */
const lateMs = 5_000

export async function runOpenLoad(options: OpenLoadOptions): Promise<OpenLoad> {
  using connections = await openHttpConnections(options.port, options.connections)
  const run = new OpenRun(options, connections.all)
  const total = Math.floor(options.ratePerSecond * options.seconds)
  const startMs = performance.now()
  run.latencyFromMs = startMs + (options.settleSeconds ?? 0) * 1_000
  while (run.appointed < total && !options.signal.aborted) {
    const due = Math.ceil(((performance.now() - startMs) / 1_000) * options.ratePerSecond)
    while (run.appointed < Math.min(due, total)) {
      run.appoint(startMs + (run.appointed / options.ratePerSecond) * 1_000)
    }
    await delay(tickMs)
  }
  const endMs = performance.now() + lateMs
  while (run.open > 0 && performance.now() < endMs && !options.signal.aborted) await delay(tickMs)
  options.signal.throwIfAborted()
  return {
    appointed: run.appointed,
    answered: run.answered,
    refused: run.refused,
    failed: run.appointed - run.answered - run.refused,
    latency: run.latency.percentiles(),
    refusalLatency: run.refusalLatency.percentiles(),
  }
}

class OpenRun {
  readonly latency: LatencyRecorder
  readonly refusalLatency = createLatencyRecorder()
  appointed = 0
  answered = 0
  refused = 0
  /** Appointed and neither answered nor failed. */
  open = 0
  latencyFromMs = 0
  readonly #options: OpenLoadOptions
  readonly #free: HttpConnection[]
  /** Appointed times of requests that wait for a connection; those before `#next` have left. */
  #queue: number[] = []
  #next = 0

  constructor(options: OpenLoadOptions, connections: readonly HttpConnection[]) {
    this.#options = options
    this.latency = options.latency ?? createLatencyRecorder()
    this.#free = [...connections]
  }

  appoint(atMs: number): void {
    this.appointed += 1
    this.open += 1
    const connection = this.#free.pop()
    if (connection === undefined) this.#queue.push(atMs)
    else this.#send(connection, atMs)
  }

  #send(connection: HttpConnection, atMs: number): void {
    connection.send(this.#options.nextRequest(), (answer) => {
      this.open -= 1
      if (answer?.status === this.#options.status) {
        this.answered += 1
        this.#record(this.latency, atMs)
      } else if (answer !== undefined && answer.status === this.#options.refusedStatus) {
        this.refused += 1
        this.#record(this.refusalLatency, atMs)
      }
      if (!connection.isOpen) return
      const waitingSinceMs = this.#takeWaiting()
      if (waitingSinceMs === undefined) this.#free.push(connection)
      else this.#send(connection, waitingSinceMs)
    })
  }

  #record(latency: LatencyRecorder, atMs: number): void {
    if (atMs >= this.latencyFromMs) latency.record(performance.now() - atMs)
  }

  #takeWaiting(): number | undefined {
    if (this.#next === this.#queue.length) {
      this.#queue = []
      this.#next = 0
      return undefined
    }
    return this.#queue[this.#next++]
  }
}
