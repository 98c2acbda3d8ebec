/** The thread that sends clicks, started anew should it ever end by itself. */
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
/** Three times the half that is in use: what it allocates is mostly buffers, which lie outside of it. */
const youngGenerationMb = 3

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
    const worker = new Worker(new URL('./spool-worker.ts', import.meta.url), {
      workerData: this.#options.workerOptions,
      resourceLimits: { maxYoungGenerationSizeMb: youngGenerationMb },
    })
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
