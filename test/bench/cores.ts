/**
 * One core for the service that is measured; load, engines and all else share the other. Whoever is started inherits
 * the cores of who starts it, so we move ourselves and put the measured process back on its own.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { findOnPath } from '@linkfleet/local/programs/clients'

export interface Cores {
  /** For the report. */
  readonly sentence: string
  /** The command that runs a program on the core of what is measured, or on the other. */
  commandOn(
    core: 'measured' | 'other',
    program: string,
    args: readonly string[],
  ): readonly [string, ...string[]]
}

/** `0-2,5` as the kernel writes it. Pure. */
export function parseCoreList(list: string): number[] {
  return list
    .trim()
    .split(',')
    .flatMap((range) => {
      const [first, last] = range.split('-').map((core) => Number.parseInt(core, 10))
      if (first === undefined || Number.isNaN(first)) return []
      return Array.from({ length: (last ?? first) - first + 1 }, (_, index) => first + index)
    })
}

function allowedCores(): number[] {
  const status = readFileSync('/proc/self/status', 'latin1')
  return parseCoreList(/^Cpus_allowed_list:\s+(.+)$/m.exec(status)?.[1] ?? '')
}

export function pinCores(): Cores {
  const taskset = findOnPath('taskset')
  const [measured, other] = allowedCores()
  if (taskset === undefined || measured === undefined || other === undefined) {
    const why = taskset === undefined ? 'taskset is not on the PATH' : 'there is one core only'
    return {
      sentence: `Nothing is pinned to a core (${why}): requests per second mean little, those per CPU second do.`,
      commandOn: (_core, program, args) => [program, ...args],
    }
  }
  execFileSync(taskset, ['-a', '-c', '-p', String(other), String(process.pid)], { stdio: 'ignore' })
  return {
    sentence: `What is measured runs on core ${measured}; load, engines and all else share core ${other}.`,
    commandOn: (core, program, args) =>
      core === 'measured' ? [taskset, '-c', String(measured), program, ...args] : [program, ...args],
  }
}
