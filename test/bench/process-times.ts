/**
 * CPU time and memory of processes, from /proc (https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html). The
 * times of a process are those of all its threads, ended ones too, and of the children it has waited for: a
 * Postgres backend or a load generator that ended during a measurement is not forgotten.
 */
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

export interface ProcessTimes {
  readonly pid: number
  readonly parentPid: number
  /** Own and waited-for children's, in user and kernel mode. */
  readonly ticks: number
}

/** The content of /proc/<pid>/stat. The name stands in parentheses and may itself hold spaces and parentheses. */
export function parseStat(stat: string): ProcessTimes {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const number = (field: number) => Number(fields[field - 3])
  return {
    pid: Number.parseInt(stat, 10),
    parentPid: number(4),
    ticks: number(14) + number(15) + number(16) + number(17),
  }
}

/** The ticks of each root with all that descends from it. */
export function sumTrees(processes: readonly ProcessTimes[], roots: readonly number[]): number {
  const children = Map.groupBy(processes, ({ parentPid }) => parentPid)
  const byPid = new Map(processes.map((one) => [one.pid, one]))
  const sum = (pid: number): number =>
    (byPid.get(pid)?.ticks ?? 0) +
    (children.get(pid) ?? []).reduce((total, child) => total + sum(child.pid), 0)
  return roots.reduce((total, root) => total + sum(root), 0)
}

function readProcesses(): ProcessTimes[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        return [parseStat(readFileSync(`/proc/${name}/stat`, 'latin1'))]
      } catch {
        // It ended since the folder was read.
        return []
      }
    })
}

/** These processes and all that descends from them, now. */
export function descendantsOf(roots: readonly number[]): number[] {
  const children = Map.groupBy(readProcesses(), ({ parentPid }) => parentPid)
  const withChildren = (pid: number): number[] => [
    pid,
    ...(children.get(pid) ?? []).flatMap((child) => withChildren(child.pid)),
  ]
  return roots.flatMap(withChildren)
}

let ticksPerSecond: number | undefined

function toSeconds(ticks: number): number {
  ticksPerSecond ??= Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))
  return ticks / ticksPerSecond
}

/** CPU seconds of one process and the children it has waited for, without those that still run. */
export function cpuSecondsOf(pid: number): number {
  return toSeconds(parseStat(readFileSync(`/proc/${pid}/stat`, 'latin1')).ticks)
}

/** The content of /proc/stat: ticks of all cores in which there was work and the host ran another machine (proc_stat(5), "steal"). */
export function parseStolenTicks(stat: string): number {
  return Number(stat.split('\n', 1)[0]?.trim().split(/\s+/)[8] ?? 0)
}

/** Seconds of all cores that the host has taken since this machine began. What takes whole moments shows in latencies. */
export function stolenSeconds(): number {
  return toSeconds(parseStolenTicks(readFileSync('/proc/stat', 'latin1')))
}

export interface MeasuredGroup {
  readonly name: string
  readonly pids: readonly number[]
  /** Whether what descends from them counts too: not for ourselves, since the services are our children. */
  readonly withDescendants: boolean
}

export interface CpuMeter {
  /** CPU seconds of each group since the start. */
  read(): Map<string, number>
}

export function startCpuMeter(groups: readonly MeasuredGroup[]): CpuMeter {
  const readAll = () => {
    const processes = readProcesses()
    return new Map(
      groups.map(({ name, pids, withDescendants }) => [
        name,
        toSeconds(
          sumTrees(withDescendants ? processes : processes.filter(({ pid }) => pids.includes(pid)), pids),
        ),
      ]),
    )
  }
  const before = readAll()
  return {
    read: () => new Map([...readAll()].map(([name, seconds]) => [name, seconds - (before.get(name) ?? 0)])),
  }
}

export interface Memory {
  readonly residentBytes: number
  readonly residentPeakBytes: number
  /** Of what is resident, the pages of programs and libraries, which processes share. */
  readonly residentFileBytes: number
}

/** The content of /proc/<pid>/status. */
export function parseMemory(status: string): Memory {
  const bytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) * 1024
  return {
    residentBytes: bytes('VmRSS'),
    residentPeakBytes: bytes('VmHWM'),
    residentFileBytes: bytes('RssFile'),
  }
}

export function memoryOf(pid: number): Memory {
  return parseMemory(readFileSync(`/proc/${pid}/status`, 'latin1'))
}
