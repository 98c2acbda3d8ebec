/**
 * What Node runs for each service: its sources, or a bundle of them as they are now, in the home of whoever runs it. The
 * bundler works in a process of its own: it takes 100 MB, which the supervisor would keep for as long as it lives.
 */
import { execFile } from 'node:child_process'
import { mkdir, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type BundledService, isBundled } from '@linkfleet/bundle/programs'
import { LocalFleetError } from '../problem.ts'
import { type ServiceName, serviceNames } from './plan.ts'

const bundleTimeoutMs = 120_000
const run = promisify(execFile)

export interface ProgramPlace {
  readonly checkout: string
  /** Of one fleet at a time. */
  readonly home: string
  readonly signal: AbortSignal
}

/**
 * The file to run for each service; a bundle is made once, when it is first asked for, in about a second. Rejects with a
 * LocalFleetError that says what does not go into one.
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

async function makeBundle(
  service: BundledService,
  { checkout, home, signal }: ProgramPlace,
): Promise<string> {
  const folder = join(home, 'programs', service)
  await mkdir(folder, { recursive: true })
  // What is no part of the bundle, as the database of countries, is found from there.
  const modules = join(folder, 'node_modules')
  await rm(modules, { recursive: true, force: true })
  await symlink(join(checkout, 'services', service, 'node_modules'), modules)
  const bundler = join(checkout, 'deploy/bundle/src/main.ts')
  const bundle = join(folder, 'bundle')
  try {
    await run(process.execPath, [bundler, service, bundle], { timeout: bundleTimeoutMs, signal })
  } catch (error) {
    signal.throwIfAborted()
    const { stderr, message } = error as Error & { stderr?: string }
    throw new LocalFleetError(`${service} could not be bundled: ${stderr?.trim() || message}`)
  }
  return join(bundle, 'main.js')
}
