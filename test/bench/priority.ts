/**
 * Priorities of processes. Linux keeps niceness for each thread, and where sessions are weighed against each other
 * (autogroups) it counts within one of them only, so the session is told as well (sched(7)).
 */
import { readdirSync, readFileSync } from 'node:fs'
import { getPriority, setPriority } from 'node:os'
import { setNiceness } from '@linkfleet/local/fleet/cpu-shares'
import { descendantsOf, type MeasuredGroup } from './process-times.ts'

/** The scheduler gives it a tenth of what it gives one at 0, where both want all of a core. */
const yieldingNice = 10

/**
 * Has the processes of these groups yield to all others, now and whatever they start. Only a privileged user could take
 * it back. Sessions are told one after the other, since without rights that is possible ten times a second.
 */
export async function yieldToOthers(groups: readonly MeasuredGroup[]): Promise<void> {
  const ownSession = sessionOf(process.pid)
  const pids = groups.flatMap(({ pids, withDescendants }) => (withDescendants ? descendantsOf(pids) : pids))
  for (const pid of pids) {
    yieldAllThreads(pid)
    const session = sessionOf(pid)
    if (session !== undefined && session !== ownSession) await setNiceness(pid, yieldingNice)
  }
}

/** undefined when it ended meanwhile. */
function sessionOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[3]
  } catch {
    return undefined
  }
}

function yieldAllThreads(pid: number): void {
  try {
    for (const thread of readdirSync(`/proc/${pid}/task`).map(Number)) {
      if (getPriority(thread) < yieldingNice) setPriority(thread, yieldingNice)
    }
  } catch {
    // It ended meanwhile, or is another user's.
  }
}
