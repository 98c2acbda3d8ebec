/**
 * Who gets the CPU of a crowded machine first: what people wait for before what works behind it. Method: niceness,
 * told twice. Linux with autogroups weighs sessions against each other and niceness only within one
 * (sched(7), "The autogroup feature"); since every service, engine and Postgres connection is a session of its own,
 * a niceness of the process alone would change nothing there. Elsewhere the process's own niceness counts.
 */
import { writeFile } from 'node:fs/promises'
import { setPriority } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'

/**
 * Lower is sooner; what is not named keeps 0. Kafka may lag behind by seconds and lose nothing; an answer
 * may not. Below 0 takes rights that only root has: without them it stays at 0.
 */
const NICENESS: Record<string, number> = {
  redirect: -8,
  shortener: -5,
  kafka: 5,
  prometheus: 10,
}

/** Without the right to administrate, Linux takes one change of an autogroup in a tenth of a second. */
const TURN_MS = 150
const TURNS_MAX = 20

type Process = { name: string; pid: number }

export class CpuShares {
  #given: ReadonlySet<number> = new Set()

  /** Gives those of the processes their share that have none yet; the list names all that run. Never fails. */
  give(processes: readonly Process[]): void {
    const given = this.#given
    this.#given = new Set(processes.map(({ pid }) => pid))
    for (const { name, pid } of processes) if (!given.has(pid)) void setNiceness(pid, nicenessOf(name))
  }
}

/** Of `redirect`, and of `kafka-1`, which is a kafka. */
function nicenessOf(name: string): number {
  return NICENESS[name.replace(/-\d+$/, '')] ?? 0
}

/** Resolves when it is so, or cannot be: the process is gone, the right is missing, or there are no autogroups. */
export async function setNiceness(pid: number, niceness: number): Promise<void> {
  if (niceness === 0) return
  try {
    setPriority(pid, niceness)
  } catch {
    return
  }
  for (let turn = 0; turn < TURNS_MAX; turn += 1) {
    const problem = await writeFile(`/proc/${pid}/autogroup`, String(niceness), { flag: 'r+' }).then(
      () => undefined,
      (error: NodeJS.ErrnoException) => error.code,
    )
    if (problem !== 'EAGAIN') return
    await pause(TURN_MS, undefined, { ref: false })
  }
}
