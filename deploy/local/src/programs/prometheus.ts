/**
 * Prometheus: the PATH's, or the distribution's own package unpacked without installing it. It is the one engine
 * the fleet does without: the answer may be a reason instead of a program.
 */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { messageOf } from '../problem.ts'
import { unpackedAptPackages } from './apt.ts'
import { findOnPath } from './clients.ts'
import type { Fetching, Program } from './program.ts'

export type PrometheusProgram = Program & { promtool: string | undefined }

export async function findPrometheus(fetching: Fetching): Promise<PrometheusProgram | { missing: string }> {
  const path = findOnPath('prometheus')
  const version = path ? await prometheusVersion(path) : undefined
  if (path && version)
    return { path, version, origin: `on the PATH (${path})`, promtool: findOnPath('promtool') }
  try {
    return await fetchPrometheus(fetching)
  } catch (error) {
    fetching.signal?.throwIfAborted()
    return { missing: messageOf(error) }
  }
}

async function fetchPrometheus(fetching: Fetching): Promise<PrometheusProgram> {
  const folder = await unpackedAptPackages('Prometheus', ['prometheus'], fetching)
  const path = join(folder, 'usr', 'bin', 'prometheus')
  const running = await prometheusVersion(path)
  if (!running) throw new Error('the fetched prometheus does not run on this machine')
  return {
    path,
    version: running,
    origin: 'fetched with apt-get',
    promtool: join(folder, 'usr/bin/promtool'),
  }
}

async function prometheusVersion(path: string): Promise<string | undefined> {
  try {
    const { stdout, stderr } = await promisify(execFile)(path, ['--version'], { timeout: 10_000 })
    return /version ([0-9][^\s,]*)/.exec(stdout + stderr)?.[1]
  } catch {
    return undefined
  }
}
