/** The thread that sends clicks, started anew should it ever end by itself. */
import { setFlagsFromString } from 'node:v8'
import { Worker } from 'node:worker_threads'
import { backoffMs, sleep } from '@linkfleet/runtime/backoff'
import type { Logger } from '@linkfleet/runtime/log'
import type { WorkerOptions, WorkerReport, WorkerRequest } from './worker-messages.ts'

export interface SenderThreadOptions {
  readonly workerOptions: WorkerOptions
  readonly log: Logger
  readonly heard: (report: WorkerReport) => void
  /** A new thread knows nothing and must be told everything again. */
  readonly restarted: () => void
}

const closeTimeoutMs = 1_500
/**
 * Each half of its young generation: what it allocates is mostly buffers, which lie outside of it. A flag, since a size in
 * Worker's resourceLimits is not heeded where the process was started with one; the heap of the redirects has its own by now.
 */
const youngHalfMb = 1

export class SenderThread {
  readonly #options: SenderThreadOptions
  #worker: Worker
  #failures = 0
  #closing = false

  constructor(options: SenderThreadOptions) {
    this.#options = options
    this.#worker = this.#start()
  }

  tell(request: WorkerRequest): void {
    this.#worker.postMessage(request)
  }

  /** Ends the thread, within a bound. */
  async close(): Promise<void> {
    this.#closing = true
    const ended = new Promise((resolve) => this.#worker.once('exit', resolve))
    this.tell({ kind: 'close' })
    await Promise.race([ended, sleep(closeTimeoutMs)])
    await this.#worker.terminate()
  }

  #start(): Worker {
    setFlagsFromString(`--max-semi-space-size=${youngHalfMb}`)
    const { workerOptions: workerData } = this.#options
    const worker = new Worker(new URL('./spool-worker.ts', import.meta.url), { workerData })
    worker.on('message', (report: WorkerReport) => {
      this.#failures = 0
      this.#options.heard(report)
    })
    worker.on('error', (cause) => this.#options.log.error({ err: cause }, 'the click sender failed'))
    worker.once('exit', () => void this.#restart())
    return worker
  }

  async #restart(): Promise<void> {
    if (this.#closing) return
    await sleep(backoffMs(this.#failures, { baseMs: 100, maxMs: 5_000 }))
    this.#failures += 1
    if (this.#closing) return
    this.#worker = this.#start()
    this.#options.restarted()
  }
}
