/** One supervisor per home. The kernel frees the lock however its holder ends, so no stale one is ever judged. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { LocalFleetError } from '../problem.ts'

export function lockHome(home: string): Disposable {
  mkdirSync(home, { recursive: true })
  const database = new DatabaseSync(join(home, 'supervisor.lock'))
  try {
    // Whoever only asks whether somebody holds it does so for a moment: that one is waited for.
    database.exec('PRAGMA busy_timeout = 300; BEGIN EXCLUSIVE')
  } catch (error) {
    database.close()
    if (!/locked|busy/i.test((error as Error).message)) throw error
    throw new LocalFleetError(
      `A fleet runs already in ${home}: see it with "npm run status", end it with "npm run stop", or use another --home and --port-base.`,
    )
  }
  return { [Symbol.dispose]: () => database.close() }
}

/** True while some supervisor holds the home. */
export function isHomeLocked(home: string): boolean {
  try {
    lockHome(home)[Symbol.dispose]()
    return false
  } catch (error) {
    if (error instanceof LocalFleetError) return true
    throw error
  }
}
