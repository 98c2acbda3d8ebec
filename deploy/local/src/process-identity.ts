/**
 * Which process a number means. A process id is used again after a while, so a process is named by its id, the
 * moment it started and the boot it started in; whoever wants to end a leftover compares all three first.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

export type ProcessIdentity = { pid: number; startedAt: string; bootId: string }

export function identifyProcess(pid: number): ProcessIdentity {
  return { pid, startedAt: processStart(pid) ?? '', bootId: bootId() }
}

/** True when this very process, not another that was given its number, is alive (a zombie is not). */
export function isSameProcessAlive(identity: ProcessIdentity): boolean {
  if (identity.pid <= 1 || identity.startedAt === '' || identity.bootId !== bootId()) return false
  return processStart(identity.pid) === identity.startedAt
}

export function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  } catch {
    return run('sysctl', ['-n', 'kern.boottime']) ?? 'unknown'
  }
}

/** When the process started, in a form only good for comparing; undefined when there is no such live process. */
function processStart(pid: number): string | undefined {
  if (process.platform !== 'linux') return run('ps', ['-o', 'lstart=', '-p', String(pid)])
  let stat: string
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  } catch {
    return undefined
  }
  // The program's name may hold spaces and brackets; the fields after its closing bracket may not.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const state = fields[0]
  return state === 'Z' || state === 'X' ? undefined : fields[19]
}

function run(program: string, args: string[]): string | undefined {
  try {
    return (
      execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim() ||
      undefined
    )
  } catch {
    return undefined
  }
}

/** Ends what is left of an earlier start, gently first; returns when it is gone. */
export async function endProcess(
  identity: ProcessIdentity,
  signal: NodeJS.Signals,
  timeoutMs: number,
): Promise<void> {
  const deadline = Date.now() + timeoutMs
  signalQuietly(identity, signal)
  while (isSameProcessAlive(identity)) {
    if (Date.now() > deadline) signalQuietly(identity, 'SIGKILL')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

function signalQuietly(identity: ProcessIdentity, signal: NodeJS.Signals): void {
  if (!isSameProcessAlive(identity)) return
  try {
    process.kill(identity.pid, signal)
  } catch {
    // It ended in between.
  }
}
