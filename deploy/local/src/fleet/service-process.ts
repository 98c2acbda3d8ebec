/** One service instance as a process: started, watched, started again with growing pauses, stopped within a bound. */
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, renameSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Ledger } from '../ledger.ts'
import { explainProblem, isDiskFull, LocalFleetError } from '../problem.ts'
import { identifyProcess } from '../process-identity.ts'
import { readTail } from '../tail.ts'
import { NeverError, waitFor } from '../wait.ts'
import { createReadable } from './readable-log.ts'
import { restartPauseMs } from './restart.ts'

const LOG_BYTES_MAX = 50 * 1024 * 1024
const DRAIN_TIMEOUT_MS = 15_000
const STEADY_AFTER_MS = 60_000
/** Exit status of a service whose configuration is wrong: starting it again would change nothing. */
const BAD_CONFIGURATION = 78
const START_FAILURES_MAX = 4

export type ServiceCommand = {
  name: string
  program: string
  args: string[]
  cwd: string
  env: Record<string, string>
  logFile: string
  /** Answers 200 once the instance is ready. */
  readyUrl: string
}

export type ServiceEvents = {
  changed(): void
  say(sentence: string): void
}

export class ServiceProcess {
  readonly command: ServiceCommand
  readonly #ledger: Ledger
  readonly #events: ServiceEvents
  #child: ChildProcess | undefined
  #stopping = false
  #failures = 0
  #wasReady = false
  #lastEnding = ''
  #timer: NodeJS.Timeout | undefined
  #gone: Promise<void> = Promise.resolve()

  constructor(command: ServiceCommand, ledger: Ledger, events: ServiceEvents) {
    this.command = command
    this.#ledger = ledger
    this.#events = events
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  start(): void {
    const { program, args, cwd, env, logFile, name } = this.command
    mkdirSync(dirname(logFile), { recursive: true })
    if ((statSync(logFile, { throwIfNoEntry: false })?.size ?? 0) > LOG_BYTES_MAX)
      renameSync(logFile, `${logFile}.1`)
    const log = openSync(logFile, 'a')
    // A session of its own: Ctrl-C must reach the supervisor alone, which then drains in order.
    const child = spawn(program, args, { cwd, env, stdio: ['ignore', log, log, 'pipe'], detached: true })
    closeSync(log)
    child.stdio[3]?.on('error', () => {})
    this.#child = child
    const startedAt = Date.now()
    this.#gone = new Promise((resolve) => {
      child.once('error', (error) => this.#ended(error.message, null, startedAt, resolve))
      child.once('exit', (code, signal) =>
        this.#ended(signal ? `was ended by ${signal}` : `ended with code ${code}`, code, startedAt, resolve),
      )
    })
    if (child.pid === undefined) return
    const identity = identifyProcess(child.pid)
    this.#events.changed()
    try {
      this.#ledger.add({ ...identity, name, stopSignal: 'SIGTERM', stopTimeoutMs: DRAIN_TIMEOUT_MS })
    } catch (error) {
      // It serves none the worse, and leaves by itself when our end of its pipe closes.
      this.#events.say(`${name} could not be written down: ${explainProblem(error)}`)
    }
  }

  #ended(how: string, code: number | null, startedAt: number, resolve: () => void): void {
    const pid = this.#child?.pid
    this.#child = undefined
    if (pid !== undefined) this.#ledger.remove(pid)
    this.#lastEnding = how
    resolve()
    this.#events.changed()
    if (this.#stopping) return
    if (Date.now() - startedAt > STEADY_AFTER_MS) this.#failures = 0
    this.#failures += 1
    if (code === BAD_CONFIGURATION && !this.#wasReady) return
    const pauseMs = restartPauseMs(this.#failures)
    this.#events.say(
      `${this.command.name} ${how}; it is started again in ${pauseMs / 1000} s (log: ${this.command.logFile})`,
    )
    this.#timer = setTimeout(() => this.#startAgain(), pauseMs)
  }

  /** A start that fails at once, for want of disk, is one more failure and no end of the supervisor. */
  #startAgain(): void {
    try {
      this.start()
    } catch (error) {
      this.#failures += 1
      const pauseMs = restartPauseMs(this.#failures)
      this.#events.say(`${this.command.name}: ${explainProblem(error)}; tried again in ${pauseMs / 1000} s`)
      this.#timer = setTimeout(() => this.#startAgain(), pauseMs)
    }
  }

  /** Resolves when the instance says it is ready; rejects with the end of its log when it never will. */
  async untilReady(timeoutMs: number, signal: AbortSignal): Promise<void> {
    const { name, readyUrl } = this.command
    await waitFor({ what: `${name} was not ready`, timeoutMs, signal, intervalMs: 100 }, async () => {
      if (this.#failures >= START_FAILURES_MAX || (this.#failures > 0 && !this.#timer))
        throw new NeverError(this.#explain())
      const answer = await fetch(readyUrl, { signal: AbortSignal.timeout(2_000) })
      return answer.ok ? true : undefined
    }).catch((error) => {
      throw error instanceof NeverError ? new LocalFleetError(error.message) : error
    })
    this.#wasReady = true
  }

  #explain(): string {
    const { name, logFile } = this.command
    const tail = readTail(logFile, 3_000)
    if (isDiskFull(new Error(tail)))
      return `${name} could not start: the disk is full. Free some space and start again.`
    const lines = tail.split('\n').filter((line) => line.trim() !== '')
    const readable = createReadable({ level: 'info', colorize: false })
    const shown = lines.flatMap((line) => readable(line) ?? []).slice(-6)
    return `${name} ${this.#lastEnding} (log: ${logFile}):\n${shown.join('\n')}`
  }

  /** Lets it drain; what is still there after the bound is ended. */
  async stop(): Promise<void> {
    this.#stopping = true
    clearTimeout(this.#timer)
    const child = this.#child
    if (!child) return
    child.kill('SIGTERM')
    const timer = setTimeout(() => child.kill('SIGKILL'), DRAIN_TIMEOUT_MS)
    await this.#gone
    clearTimeout(timer)
  }
}
