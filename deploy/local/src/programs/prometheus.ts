/**
 * Prometheus: the PATH's, or the distribution's own package unpacked without installing it. It is the one engine
 * the fleet does without: the answer may be a reason instead of a program.
 */
import { execFile } from 'node:child_process'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { messageOf } from '../problem.ts'
import { cached } from './cache.ts'
import { findOnPath, platformName, runClient, verify } from './clients.ts'
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

async function fetchPrometheus({ progress, signal }: Fetching): Promise<PrometheusProgram> {
  const aptGet = findOnPath('apt-get')
  const dpkg = findOnPath('dpkg')
  if (!aptGet || !dpkg) throw new Error('there is no prometheus on the PATH, and no apt-get to fetch it with')
  const { version, bytes, sha256 } = await candidate()
  const folder = await cached({
    name: `prometheus-${version.replaceAll(/[^0-9A-Za-z.+-]/g, '_')}-${platformName()}`,
    fill: async (aside) => {
      progress({ engine: 'Prometheus', bytesTotal: bytes, folder: aside })
      await runClient('Prometheus', aptGet, ['-q', 'download', `prometheus=${version}`], {
        cwd: aside,
        signal,
      })
      const file = (await readdir(aside)).find((name) => name.endsWith('.deb'))
      if (!file) throw new Error('apt-get fetched no package')
      await verify('Prometheus', join(aside, file), sha256)
      await runClient('Prometheus', dpkg, ['-x', join(aside, file), aside], { cwd: aside, signal })
      await rm(join(aside, file))
    },
  })
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

/** What the distribution's signed index says about its package. It moves on with fixes, so no version is pinned. */
async function candidate(): Promise<{ version: string; bytes: number; sha256: string }> {
  const { stdout } = await promisify(execFile)('apt-cache', ['show', '--no-all-versions', 'prometheus'], {
    timeout: 30_000,
  })
  const field = (name: string) => new RegExp(`^${name}: (.+)$`, 'm').exec(stdout)?.[1]
  const version = field('Version')
  const sha256 = field('SHA256')
  if (!version || !sha256) throw new Error('apt knows no prometheus (run "apt-get update" once)')
  return { version, bytes: Number(field('Size') ?? 0), sha256 }
}

async function prometheusVersion(path: string): Promise<string | undefined> {
  try {
    const { stdout, stderr } = await promisify(execFile)(path, ['--version'], { timeout: 10_000 })
    return /version ([0-9][^\s,]*)/.exec(stdout + stderr)?.[1]
  } catch {
    return undefined
  }
}
