/** A whole fleet as `npm start` brings it up, for tests that use public ports only. */
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { freePortBase } from './free-ports.ts'
import { runLauncher } from './launcher.ts'
import { temporaryHome } from './temporary-home.ts'

export interface Fleet {
  readonly home: string
  readonly portBase: number
  /** Base URLs of the public HTTP ports. */
  readonly redirectUrl: string
  readonly shortenerUrl: string
  readonly analyticsUrl: string
  readonly consoleUrl: string
}

export interface RunningService {
  readonly name: string
  readonly instance: number | string
  readonly pid: number
  readonly url?: string
  readonly grpc?: string
  readonly admin: string
}

export interface RunFile {
  readonly services: readonly RunningService[]
  readonly engines: readonly { readonly name: string; readonly pid: number; readonly url: string }[]
}

/** Starts a fleet with a home and ports of its own. Disposing stops it and removes its home. */
export async function startFleet(
  env: Readonly<Record<string, string>> = {},
): Promise<Fleet & AsyncDisposable> {
  const home = await temporaryHome('fleet')
  const fleet = fleetAt(home, await startOnFreePorts(home, env))
  return {
    ...fleet,
    async [Symbol.asyncDispose]() {
      const stopped = await runLauncher(['stop', '--home', home])
      if (stopped.status !== 0) throw new Error(`The fleet did not stop:\n${stopped.output}`)
      await rm(home, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

/** Between the look at a port and its use another program may take it: then another block of ports is tried. */
async function startOnFreePorts(home: string, env: Readonly<Record<string, string>>): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    const portBase = await freePortBase()
    const where = ['--home', home, '--port-base', String(portBase)]
    const started = await runLauncher(['start', '--detach', ...where], env)
    if (started.status === 0) return portBase
    if (attempt === 3 || !/EADDRINUSE|are in use/.test(started.output)) {
      await rm(home, { recursive: true, force: true })
      throw new Error(`The fleet did not start (status ${started.status}):\n${started.output}`)
    }
  }
}

function fleetAt(home: string, portBase: number): Fleet {
  const at = (distance: number) => `http://localhost:${portBase + distance}`
  return { home, portBase, redirectUrl: at(0), shortenerUrl: at(1), analyticsUrl: at(2), consoleUrl: at(3) }
}

/** What runs now, as run.json tells it. */
export async function readRunFile(home: string): Promise<RunFile> {
  return JSON.parse(await readFile(join(home, 'run.json'), 'utf8')) as RunFile
}

/** The admin key that the start made. */
export async function readAdminKey(home: string): Promise<string> {
  return (await readFile(join(home, 'admin.key'), 'utf8')).trim()
}
