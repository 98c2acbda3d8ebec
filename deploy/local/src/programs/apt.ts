/**
 * The distribution's own packages, unpacked without installing them, which needs no root. Its signed index says what
 * they are. It moves on with fixes, so no version is pinned.
 */
import { execFile } from 'node:child_process'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { cached } from './cache.ts'
import { findOnPath, platformName, runClient, verify } from './clients.ts'
import type { Fetching } from './program.ts'

type Candidate = { name: string; version: string; bytes: number; sha256: string }

/** The folder in which the packages are unpacked together: that of the first, with the libraries it needs. */
export async function unpackedAptPackages(
  engine: string,
  names: readonly [string, ...string[]],
  { progress, signal }: Fetching,
): Promise<string> {
  const aptGet = findOnPath('apt-get')
  const dpkg = findOnPath('dpkg')
  if (!aptGet || !dpkg)
    throw new Error(`there is no ${names[0]} on the PATH, and no apt-get to fetch it with`)
  const [first, ...rest] = await Promise.all(names.map(candidate))
  return await cached({
    name: `${names[0]}-${first!.version.replaceAll(/[^0-9A-Za-z.+-]/g, '_')}-${platformName()}`,
    ...(rest.length > 0 ? { pins: rest.map(({ name, version }) => ({ name, version })) } : {}),
    fill: async (aside) => {
      const packages = [first!, ...rest]
      progress({ engine, bytesTotal: packages.reduce((sum, { bytes }) => sum + bytes, 0), folder: aside })
      for (const { name, version, sha256 } of packages) {
        await runClient(engine, aptGet, ['-q', 'download', `${name}=${version}`], { cwd: aside, signal })
        const file = (await readdir(aside)).find((found) => found.endsWith('.deb'))
        if (!file) throw new Error('apt-get fetched no package')
        await verify(engine, join(aside, file), sha256)
        await runClient(engine, dpkg, ['-x', join(aside, file), aside], { cwd: aside, signal })
        await rm(join(aside, file))
      }
    },
  })
}

async function candidate(name: string): Promise<Candidate> {
  const { stdout } = await promisify(execFile)('apt-cache', ['show', '--no-all-versions', name], {
    timeout: 30_000,
  })
  const field = (wanted: string) => new RegExp(`^${wanted}: (.+)$`, 'm').exec(stdout)?.[1]
  const version = field('Version')
  const sha256 = field('SHA256')
  if (!version || !sha256) throw new Error(`apt knows no ${name} (run "apt-get update" once)`)
  return { name, version, bytes: Number(field('Size') ?? 0), sha256 }
}
