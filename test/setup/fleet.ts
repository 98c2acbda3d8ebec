/** Starts one fleet for all `*.fleet.test.ts` and `*.browser.test.ts` of a run, with a home, ports and an archive of its own. */
import { rm } from 'node:fs/promises'
import { pathToFileURL } from 'node:url'
import { type Fleet, startFleet } from '@linkfleet/testkit/fleet'
import { temporaryHome } from '@linkfleet/testkit/temporary-home'
import type { TestProject } from 'vitest/node'

declare module 'vitest' {
  export interface ProvidedContext {
    fleet: Fleet
    /** What the environment of the fleet said of its archive. */
    archiveEnv: Readonly<Record<string, string>>
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  console.log('Starting a fleet for the tests…')
  const folder = await temporaryHome('archive')
  const removeFolder = async () => await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  const archiveEnv = { ARCHIVE_URL: pathToFileURL(folder).href, ARCHIVE_SEGMENT_SECONDS: '1' }
  try {
    const { [Symbol.asyncDispose]: stop, ...fleet } = await startFleet(archiveEnv)
    project.provide('fleet', fleet)
    project.provide('archiveEnv', archiveEnv)
    return async () => {
      await stop()
      await removeFolder()
    }
  } catch (cause) {
    await removeFolder()
    throw cause
  }
}
