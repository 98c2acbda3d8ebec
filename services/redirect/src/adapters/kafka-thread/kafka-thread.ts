/**
 * The thread that speaks with Kafka: it sends the clicks and follows the feed of changed links, so that the client of
 * Kafka is in memory once, and nothing of it holds up a redirect. Started anew should it ever end by itself.
 */
import { extname } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { Worker } from 'node:worker_threads'
import { backoffMs, sleep } from '@linkfleet/runtime/backoff'
import type { Logger } from '@linkfleet/runtime/log'
import type { WorkerMessage, WorkerOptions, WorkerRequest } from './messages.ts'

export interface KafkaThreadListener {
  heard(message: WorkerMessage): void
  /** It ended by itself. What it was about to say never comes. */
  ended(): void
  /** A new one knows nothing and must be told everything again. */
  restarted(): void
}

const closeTimeoutMs = 1_500
/** A thread that ended sooner may end so again, so the next one waits longer. */
const shortLifeMs = 30_000
/**
 * Each half of its young generation: what it allocates is mostly buffers, which lie outside of it. A flag, since a size in
 * Worker's resourceLimits is not heeded where the process was started with one; the heap of the redirects has its own by now.
 */
const youngHalfMb = 1
/** Beside this module, and of its kind: TypeScript among the sources, JavaScript in a bundle. */
const programOfThread = new URL(`./kafka-worker${extname(import.meta.url)}`, import.meta.url)

export class KafkaThread implements AsyncDisposable {
  readonly #options: WorkerOptions
  readonly #log: Logger
  readonly #listeners: KafkaThreadListener[] = []
  #worker: Worker
  #startedAtMs = 0
  #failures = 0
  #closing: Promise<void> | undefined

  constructor(options: WorkerOptions, log: Logger) {
    this.#options = options
    this.#log = log
    this.#worker = this.#start()
  }

  /** Whoever listens before anything is told, and before the event loop's next turn, misses nothing. */
  listen(listener: KafkaThreadListener): void {
    this.#listeners.push(listener)
  }

  tell(request: WorkerRequest): void {
    this.#worker.postMessage(request)
  }

  /** Ends the thread, within a bound; done once, however often it is asked for. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const ended = new Promise((resolve) => this.#worker.once('exit', resolve))
    this.tell({ kind: 'close' })
    await Promise.race([ended, sleep(closeTimeoutMs)])
    await this.#worker.terminate()
  }

  #start(): Worker {
    setFlagsFromString(`--max-semi-space-size=${youngHalfMb}`)
    const worker = new Worker(programOfThread, { workerData: this.#options })
    this.#startedAtMs = performance.now()
    worker.on('message', (message: WorkerMessage) => {
      for (const listener of this.#listeners) listener.heard(message)
    })
    worker.on('error', (cause) => this.#log.error({ err: cause }, 'the thread that speaks with Kafka failed'))
    worker.once('exit', () => void this.#restart())
    return worker
  }

  async #restart(): Promise<void> {
    if (this.#closing !== undefined) return
    for (const listener of this.#listeners) listener.ended()
    if (performance.now() - this.#startedAtMs >= shortLifeMs) this.#failures = 0
    await sleep(backoffMs(this.#failures, { baseMs: 100, maxMs: 5_000 }))
    this.#failures += 1
    if (this.#closing !== undefined) return
    this.#worker = this.#start()
    for (const listener of this.#listeners) listener.restarted()
  }
}
