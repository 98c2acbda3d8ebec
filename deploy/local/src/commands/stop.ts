/** `npm run stop`: ends a fleet the gentle way and returns when it is gone. Nothing running is no failure. */
import { existsSync } from 'node:fs'
import { isHomeLocked, lockHome } from '../fleet/home-lock.ts'
import { readHome } from '../fleet/options.ts'
import { readRunFile, removeRunFile } from '../fleet/run-file.ts'
import { Ledger } from '../ledger.ts'
import { LocalFleetError } from '../problem.ts'
import { endProcess } from '../process-identity.ts'
import { waitFor } from '../wait.ts'

const STOP_TIMEOUT_MS = 90_000

export async function stop(args: string[], checkout: string): Promise<number> {
  const home = readHome(args, checkout)
  if (!existsSync(home)) {
    console.log(`No fleet runs in ${home}.`)
    return 0
  }
  const run = readRunFile(home)
  const running = isHomeLocked(home)
  if (running && !run)
    throw new LocalFleetError(`A fleet is just starting or stopping in ${home}; try again in a moment.`)
  if (running && run) {
    await endProcess(run.supervisor, 'SIGTERM', STOP_TIMEOUT_MS)
    await waitFor(
      { what: 'the home was not let go', timeoutMs: 10_000 },
      async () => !isHomeLocked(home) || undefined,
    )
  }
  using _lock = lockHome(home)
  const reaped = await new Ledger(home).reap()
  removeRunFile(home)
  console.log(
    running || reaped.length > 0
      ? `The fleet in ${home} is stopped; its data is kept.`
      : `No fleet runs in ${home}.`,
  )
  return 0
}
