/** What every engine gives once it answered a real query, and what it needs to start. */
import { mkdirSync, renameSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Ledger } from '../ledger.ts'
import { isDiskFull, LocalFleetError } from '../problem.ts'
import { type EngineCommand, type EngineProcess, startEngineProcess } from '../processes.ts'
import { readTail } from '../tail.ts'
import { NeverError, waitFor } from '../wait.ts'

export type EngineHome = { home: string; ledger: Ledger; signal?: AbortSignal | undefined }

export type Engine = {
  name: string
  pid: number
  url: string
  process: EngineProcess
  /** A new process in place of one that ended. */
  startAgain(): Promise<Engine>
}

const LOG_BYTES_MAX = 10 * 1024 * 1024

export function logFileOf(home: string, name: string): string {
  return join(home, 'logs', `${name}.log`)
}

/** Starts the process and waits until `ask` is content; a process that ends first ends the waiting with its log. */
export async function startEngine(
  place: EngineHome,
  command: Omit<EngineCommand, 'logFile' | 'stopTimeoutSeconds'>,
  url: string,
  timeoutMs: number,
  ask: () => Promise<true | undefined>,
): Promise<Engine> {
  const logFile = logFileOf(place.home, command.name)
  mkdirSync(join(place.home, 'logs'), { recursive: true })
  if ((statSync(logFile, { throwIfNoEntry: false })?.size ?? 0) > LOG_BYTES_MAX)
    renameSync(logFile, `${logFile}.1`)
  const engine = startEngineProcess({ ...command, logFile, stopTimeoutSeconds: 30 })
  const stopSignal: NodeJS.Signals = `SIG${command.stopSignal}`
  let ending: string | undefined
  void engine.exited.then((how) => {
    ending = how
    place.ledger.remove(engine.pid)
  })
  try {
    place.ledger.add({ ...engine.identity, name: command.name, stopSignal, stopTimeoutMs: 30_000 })
    await waitFor({ what: `${command.name} did not answer`, timeoutMs, signal: place.signal }, () => {
      if (ending) throw new NeverError(explainEnding(command.name, ending, logFile))
      return ask()
    })
  } catch (error) {
    await engine.stop()
    if (error instanceof NeverError) throw new LocalFleetError(error.message)
    throw error
  }
  const startAgain = () => startEngine(place, command, url, timeoutMs, ask)
  return { name: command.name, pid: engine.pid, url, process: engine, startAgain }
}

function explainEnding(name: string, ending: string, logFile: string): string {
  const tail = readTail(logFile, 4096)
  if (isDiskFull(new Error(tail)))
    return `${name} could not start: the disk is full. Free some space and start again.`
  const lines = tail.split('\n').filter((line) => line.trim() !== '')
  const telling = lines.findLast((line) => /FATAL|ERROR|PANIC|error/i.test(line)) ?? lines.at(-1) ?? ''
  return `${name} ${ending}${telling ? `: ${telling.trim().slice(0, 300)}` : ''} (log: ${logFile})`
}
