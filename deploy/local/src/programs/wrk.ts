/** wrk, the load generator of the benches: the PATH's, or the distribution's package with the library it needs. */
import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { messageOf } from '../problem.ts'
import { unpackedAptPackages } from './apt.ts'
import { findOnPath } from './clients.ts'
import type { Fetching, Program } from './program.ts'

/** `env` is what it needs in its environment to find its library. */
export type WrkProgram = Program & { env: Readonly<Record<string, string>> }

export async function findWrk(fetching: Fetching): Promise<WrkProgram | { missing: string }> {
  const path = findOnPath('wrk')
  const version = path ? await wrkVersion(path, {}) : undefined
  if (path && version) return { path, version, origin: `on the PATH (${path})`, env: {} }
  try {
    const folder = await unpackedAptPackages('wrk', ['wrk', 'libluajit-5.1-2'], fetching)
    const fetched = join(folder, 'usr', 'bin', 'wrk')
    const libraries = join(folder, 'usr', 'lib')
    const env = {
      LD_LIBRARY_PATH: readdirSync(libraries)
        .map((name) => join(libraries, name))
        .join(':'),
    }
    const running = await wrkVersion(fetched, env)
    if (!running) throw new Error('the fetched wrk does not run on this machine')
    return { path: fetched, version: running, origin: 'fetched with apt-get', env }
  } catch (error) {
    fetching.signal?.throwIfAborted()
    return { missing: messageOf(error) }
  }
}

/** It says its version and then, since there is no URL, ends with status 1. */
async function wrkVersion(path: string, env: Readonly<Record<string, string>>): Promise<string | undefined> {
  const said = await promisify(execFile)(path, ['-v'], {
    timeout: 10_000,
    env: { ...process.env, ...env },
  }).catch((error: { stdout?: string }) => error)
  return /^wrk (\S+)/m.exec(said.stdout ?? '')?.[1]
}
