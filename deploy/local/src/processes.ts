/**
 * How an engine process lives. Method: the engine is started through a four-line shell that leaves a guard behind
 * and then becomes the engine (`exec`), so the process id we were given is the engine's own. The guard reads a pipe
 * whose other end only we hold: the kernel closes it however we die, and the guard then stops the engine the way
 * that engine likes to be stopped. Engines run in sessions of their own, or Ctrl-C in a terminal would hit them
 * before the services have drained.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { identifyProcess, type ProcessIdentity } from './process-identity.ts'

const GUARD = `
stop=$1; seconds=$2; shift 2
started() { [ -r /proc/$$/stat ] && read -r line < /proc/$$/stat && set -- \${line##*)} && echo "\${20}"; }
born=$(started)
( {
  word=; read -r word <&3
  [ "$word" = ended ] && exit 0
  [ "$(started)" = "$born" ] || exit 0
  kill -"$stop" $$ 2>/dev/null
  while kill -0 $$ 2>/dev/null && [ "$seconds" -gt 0 ]; do sleep 1; seconds=$((seconds - 1)); done
  [ "$(started)" = "$born" ] && kill -KILL $$ 2>/dev/null
  exit 0
} >/dev/null 2>&1 & )
exec "$@" 3<&-
`

export type EngineCommand = {
  name: string
  program: string
  args: string[]
  env?: Record<string, string>
  cwd: string
  logFile: string
  /** The signal that makes this engine save what it has and leave. */
  stopSignal: 'INT' | 'TERM'
  stopTimeoutSeconds: number
  /** Another user to run as (only root may ask for one). */
  user?: { uid: number; gid: number } | undefined
}

/** The same on every machine; a Java reads the names of files by its LANG. */
export function engineEnvironment(): Record<string, string> {
  return { PATH: process.env.PATH ?? '', LANG: 'C.UTF-8', TZ: 'UTC' }
}

export type EngineProcess = {
  name: string
  pid: number
  identity: ProcessIdentity
  /** Resolves when the process is gone, with a sentence that says how it went. */
  exited: Promise<string>
  isRunning(): boolean
  stop(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

export function startEngineProcess(command: EngineCommand): EngineProcess {
  mkdirSync(dirname(command.logFile), { recursive: true })
  const logFd = openSync(command.logFile, 'a')
  const child = spawn(
    '/bin/sh',
    [
      '-c',
      GUARD,
      command.name,
      command.stopSignal,
      String(command.stopTimeoutSeconds),
      command.program,
      ...command.args,
    ],
    {
      cwd: command.cwd,
      env: { ...engineEnvironment(), ...command.env },
      stdio: ['ignore', logFd, logFd, 'pipe'],
      detached: true,
      ...command.user,
    },
  )
  closeSync(logFd)
  return watch(child, command)
}

function watch(child: ChildProcess, command: EngineCommand): EngineProcess {
  const guard = child.stdio[3] as NodeJS.WritableStream & { on(event: 'error', f: () => void): void }
  guard.on('error', () => {})
  let running = child.pid !== undefined
  const exited = new Promise<string>((resolve) => {
    child.once('error', (error) => {
      running = false
      resolve(`could not be started: ${error.message}`)
    })
    child.once('exit', (code, signal) => {
      running = false
      guard.end('ended\n')
      resolve(signal ? `was ended by ${signal}` : `ended with code ${code}`)
    })
  })
  const pid = child.pid ?? 0
  const stop = async () => {
    if (running) child.kill(`SIG${command.stopSignal}`)
    const timer = setTimeout(() => running && child.kill('SIGKILL'), command.stopTimeoutSeconds * 1000)
    await exited
    clearTimeout(timer)
  }
  return {
    name: command.name,
    pid,
    identity: identifyProcess(pid),
    exited,
    isRunning: () => running,
    stop,
    [Symbol.asyncDispose]: stop,
  }
}
