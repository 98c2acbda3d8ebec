/** Apache Kafka's jars, each pinned by version and SHA-256, and the class path they make. */
import { join } from 'node:path'
import { cached } from './cache.ts'
import { artefactFile, fetchWithMaven, type MavenArtefact, readManifest, verify } from './clients.ts'
import type { JavaProgram } from './java.ts'
import type { Fetching, Program } from './program.ts'

export type KafkaProgram = Program & { classPath: string; java: Program }

export async function findKafka(
  { progress, signal }: Fetching,
  findJava: () => Promise<JavaProgram>,
): Promise<KafkaProgram> {
  const manifest = await readManifest<{ version: string; artefacts: MavenArtefact[] }>('kafka')
  const java = await findJava()
  const bytesTotal = manifest.artefacts.reduce((sum, { bytes }) => sum + bytes, 0)
  const folder = await cached({
    name: `kafka-${manifest.version}`,
    pins: manifest.artefacts,
    fill: async (aside) => {
      progress({ engine: 'Kafka', bytesTotal, folder: aside })
      await fetchWithMaven('Kafka', manifest.artefacts, aside, { javaHome: java.home, signal })
    },
  })
  // The cache compares with what was written; this compares with what is committed.
  await Promise.all(
    manifest.artefacts.map((artefact) =>
      verify('Kafka', join(folder, artefactFile(artefact)), artefact.sha256),
    ),
  )
  const classPath = manifest.artefacts.map((artefact) => join(folder, artefactFile(artefact))).join(':')
  return { path: java.path, version: manifest.version, origin: 'fetched with Maven', classPath, java }
}
