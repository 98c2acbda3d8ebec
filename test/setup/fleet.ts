/** Starts one fleet for all `*.fleet.test.ts` and `*.browser.test.ts` of a run, with a home and ports of its own. */
import { type Fleet, startFleet } from '@linkfleet/testkit/fleet'
import type { TestProject } from 'vitest/node'

declare module 'vitest' {
  export interface ProvidedContext {
    fleet: Fleet
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  console.log('Starting a fleet for the tests…')
  const { [Symbol.asyncDispose]: stop, ...fleet } = await startFleet()
  project.provide('fleet', fleet)
  return async () => await stop()
}
