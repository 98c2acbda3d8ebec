/**
 * What Node runs for each service: its sources, or a bundle of them as they are now, in the home of whoever runs it. The
 * bundler works in a process of its own: it takes 100 MB, which the supervisor would keep for as long as it lives.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { stripVTControlCharacters } from 'node:util'
import { type BundledService, isBundled } from '@linkfleet/bundle/programs'
import { explainProblem, isDiskFull, LocalFleetError } from '../problem.ts'
import { type ServiceName, serviceNames } from './plan.ts'

const bundleTimeoutMs = 120_000

export interface ProgramPlace {
  readonly checkout: string
  /** Of one fleet at a time. */
  readonly home: string
  readonly signal: AbortSignal
}

/**
 * The file to run for each service; a bundle is made once, when it is first asked for, in about a second. Rejects with a
 * LocalFleetError that says what does not go into one, and with the signal's reason once the bundler has ended.
 */
export function createProgramOf(place: ProgramPlace): (service: ServiceName) => Promise<string> {
  const bundles = new Map<string, Promise<string>>()
  return function programOf(service) {
    if (!isBundled(service))
      return Promise.resolve(join(place.checkout, 'services', service, 'src', 'main.ts'))
    const bundle = bundles.get(service) ?? makeBundle(service, place)
    bundles.set(service, bundle)
    return bundle
  }
}

/** Those of all services. */
export async function preparePrograms(place: ProgramPlace): Promise<Record<ServiceName, string>> {
  const programOf = createProgramOf(place)
  const programs = serviceNames.map(async (service) => [service, await programOf(service)] as const)
  return Object.fromEntries(await Promise.all(programs)) as Record<ServiceName, string>
}

async function makeBundle(service: BundledService, place: ProgramPlace): Promise<string> {
  const { checkout, home, signal } = place
  const folder = join(home, 'programs', service)
  const bundle = join(folder, 'bundle')
  try {
    await mkdir(folder, { recursive: true })
    // What is no part of the bundle, as the database of countries, is found from there.
    const modules = join(folder, 'node_modules')
    await rm(modules, { recursive: true, force: true })
    await symlink(join(checkout, 'services', service, 'node_modules'), modules)
    await runBundler([join(checkout, 'deploy/bundle/src/main.ts'), service, bundle], signal)
  } catch (error) {
    signal.throwIfAborted()
    if (isDiskFull(error)) throw error
    throw new LocalFleetError(`${service} could not be bundled: ${explainProblem(error)}`)
  }
  return join(bundle, 'main.mjs')
}

/** It ends with us, however we end: it holds a pipe. Rejects with the line that says why it failed, after its end. */
async function runBundler(args: readonly string[], outer: AbortSignal): Promise<void> {
  const signal = AbortSignal.any([outer, AbortSignal.timeout(bundleTimeoutMs)])
  // A session of its own: Ctrl-C must reach the supervisor alone.
  const child = spawn(process.execPath, ['--no-warnings', ...args], {
    stdio: ['pipe', 'ignore', 'pipe'],
    detached: true,
  })
  child.stdin.on('error', () => {})
  const kill = () => child.kill('SIGKILL')
  signal.addEventListener('abort', kill)
  if (signal.aborted) kill()
  try {
    const [said, [status, endedBy]] = await Promise.all([text(child.stderr), once(child, 'exit')])
    if (signal.aborted) throw new Error(`it took longer than ${bundleTimeoutMs / 1_000} s`)
    if (status !== 0) throw new Error(reasonIn(said) ?? `the bundler was ended by ${endedBy ?? status}`)
  } finally {
    signal.removeEventListener('abort', kill)
  }
}

/** The line that tells of a full disk; else that of an error which Node shows below its place; else the first. */
function reasonIn(said: string): string | undefined {
  const lines = stripVTControlCharacters(said).split('\n')
  const reason = lines.find(isDiskFull) ?? lines.find((line) => /^\w*Error\b/.test(line)) ?? lines[0]
  return reason?.trim() || undefined
}
