/**
 * Fetching through the package clients a machine has, with whatever mirror or proxy their own configuration names.
 * Nothing here knows where a registry is; a manifest knows what must come out.
 */
import { spawn } from 'node:child_process'
import { accessSync, constants, mkdirSync, statSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { LocalFleetError } from '../problem.ts'
import { sha256File } from './cache.ts'

const FETCH_TIMEOUT_MS = 600_000

export type MavenArtefact = {
  group: string
  artifact: string
  version: string
  bytes: number
  sha256: string
}

/** The absolute path of a program on the PATH; undefined when there is none. */
export function findOnPath(program: string, path = process.env.PATH ?? ''): string | undefined {
  for (const folder of path.split(delimiter)) {
    const file = join(folder || '.', program)
    try {
      accessSync(file, constants.X_OK)
      if (statSync(file).isFile()) return file
    } catch {
      // Not here.
    }
  }
  return undefined
}

export async function readManifest<T>(name: string): Promise<T> {
  return JSON.parse(await readFile(new URL(`../../manifest/${name}.json`, import.meta.url), 'utf8')) as T
}

/** `linux-x64`, `darwin-arm64`, …: the name the manifests use. */
export function platformName(): string {
  return `${process.platform}-${process.arch}`
}

export function artefactFile(artefact: MavenArtefact): string {
  return `${artefact.artifact}-${artefact.version}.jar`
}

/** Puts the artefacts, and nothing they depend on, into the folder and compares each with its SHA-256. */
export function fetchWithMaven(
  what: string,
  artefacts: MavenArtefact[],
  folder: string,
  options: { javaHome: string | undefined; signal?: AbortSignal | undefined },
): Promise<void> {
  const fetched = lastMavenFetch.then(() => runMaven(what, artefacts, folder, options))
  lastMavenFetch = fetched.catch(() => {})
  return fetched
}

/** Maven's local repository is not made for two writers, so one fetch waits for the other. */
let lastMavenFetch: Promise<void> = Promise.resolve()

async function runMaven(
  what: string,
  artefacts: MavenArtefact[],
  folder: string,
  { javaHome, signal }: { javaHome: string | undefined; signal?: AbortSignal | undefined },
): Promise<void> {
  const mvn = findOnPath('mvn')
  if (!mvn)
    throw new LocalFleetError(
      `${what} is fetched once with Maven, which is not on this machine: install it (for example "apt-get install maven" or "brew install maven").`,
    )
  const work = await mkdtemp(join(tmpdir(), 'linkfleet-maven-'))
  try {
    await writeFile(join(work, 'pom.xml'), pomOf(artefacts))
    const goal = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies'
    await runClient(
      what,
      mvn,
      ['-q', '-B', '-f', join(work, 'pom.xml'), goal, `-DoutputDirectory=${folder}`],
      {
        cwd: work,
        signal,
        ...(javaHome ? { env: { JAVA_HOME: javaHome } } : {}),
      },
    )
  } finally {
    await rm(work, { recursive: true, force: true })
  }
  for (const artefact of artefacts) await verify(what, join(folder, artefactFile(artefact)), artefact.sha256)
}

function pomOf(artefacts: MavenArtefact[]): string {
  const dependencies = artefacts.map(
    ({ group, artifact, version }) => `<dependency>
  <groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version>
  <exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions>
</dependency>`,
  )
  return `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>linkfleet</groupId><artifactId>engines</artifactId><version>1</version><packaging>pom</packaging>
<dependencies>${dependencies.join('\n')}</dependencies></project>`
}

export async function fetchWithPip(
  what: string,
  requirement: { project: string; release: string; file: string; sha256: string },
  folder: string,
  signal?: AbortSignal,
): Promise<string> {
  const pip = findOnPath('pip3') ?? findOnPath('pip')
  if (!pip)
    throw new LocalFleetError(
      `${what} is fetched once with pip, which is not on this machine: install Java 17 or later, or pip.`,
    )
  const requirements = join(folder, 'requirements.txt')
  const line = `${requirement.project}==${requirement.release} --hash=sha256:${requirement.sha256}\n`
  await writeFile(requirements, line)
  const args = ['download', '-q', '--no-deps', '--only-binary=:all:', '--require-hashes', '-r', requirements]
  await runClient(what, pip, [...args, '-d', folder], { cwd: folder, signal })
  const wheel = join(folder, requirement.file)
  await verify(what, wheel, requirement.sha256)
  return wheel
}

export async function verify(what: string, file: string, sha256: string): Promise<void> {
  const actual = await sha256File(file)
  if (actual !== sha256)
    throw new LocalFleetError(
      `${what}: ${file} has the SHA-256 ${actual}, but the manifest says ${sha256}; it was thrown away.`,
    )
}

/** Runs a client to its end, which the signal brings nearer; its own last words become the sentence when it fails. */
export async function runClient(
  what: string,
  program: string,
  args: string[],
  options: { cwd: string; env?: Record<string, string>; signal?: AbortSignal | undefined },
): Promise<string> {
  options.signal?.throwIfAborted()
  mkdirSync(options.cwd, { recursive: true })
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: FETCH_TIMEOUT_MS,
    signal: options.signal,
  })
  let output = ''
  const keep = (chunk: Buffer) => {
    output = (output + chunk.toString('utf8')).slice(-20_000)
  }
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  const code = await new Promise<number | string | null>((resolve, reject) => {
    // One that was ended writes until it is gone, so its end is waited for before anybody cleans up.
    child.on('error', (error) => child.pid === undefined && reject(error))
    child.once('close', (exitCode, signal) => resolve(exitCode ?? signal))
  })
  options.signal?.throwIfAborted()
  if (code === 0) return output
  throw new LocalFleetError(failureSentence(what, program, output))
}

/** Which of a client's many words tell the reason; exported for its test. */
export function failureSentence(what: string, program: string, output: string): string {
  if (/No space left on device|ENOSPC/i.test(output))
    return `${what} could not be fetched: the disk is full. Free some space and start again.`
  const offline =
    /Temporary failure|Could not resolve|Name or service not known|UnknownHost|Unknown host|ENOTFOUND|EAI_AGAIN|Connection refused|Network is unreachable|ConnectionError|NewConnectionError|Connect(ion)? timed out|Failed to fetch/i
  const client = program.split('/').at(-1) ?? program
  if (offline.test(output))
    return `${what} could not be fetched with ${client}: the network, or the registry ${client} is configured for, does not answer. Once fetched it is kept, and later starts need no network.`
  const lines = output.split('\n').filter((line) => line.trim() !== '')
  const telling = lines.find((line) => /ERROR|error:|^E:/.test(line)) ?? lines.at(-1) ?? 'it said nothing'
  return `${what} could not be fetched with ${client}: ${telling.trim().slice(0, 400)}`
}
