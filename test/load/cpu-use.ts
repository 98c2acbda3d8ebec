/** Who used the machine's CPUs while a load went on: the generator stands beside the fleet and takes from it. */
import { existsSync } from 'node:fs'
import { cpus } from 'node:os'
import { type RunFile, readRunFile } from '@linkfleet/local/fleet/run-file'
import { startCpuMeter } from '../bench/process-times.ts'

export interface CpuUse {
  readonly wallSeconds: number
  readonly cores: number
  /** Of everything on the machine. */
  readonly busySeconds: number
  /** By name, in the order to be shown in; a process that was replaced meanwhile counts as nothing. */
  readonly parts: ReadonlyMap<string, number>
}

/** User, system and interrupt time of all cores since they were switched on. */
function busySeconds(): number {
  return cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0) / 1000
}

/** Measures from now on. The parts are those of the fleet in `home`, and known on Linux only. */
export function startCpuUse(home: string | undefined): () => CpuUse {
  const isKnown = home !== undefined && existsSync('/proc/self/stat')
  const running = isKnown ? readRunFile(home) : undefined
  const meter = startCpuMeter(running === undefined ? [] : groupsOf(running))
  const startedMs = performance.now()
  const busyBefore = busySeconds()
  return () => ({
    wallSeconds: (performance.now() - startedMs) / 1000,
    cores: cpus().length,
    busySeconds: busySeconds() - busyBefore,
    parts: new Map([...meter.read()].map(([name, seconds]) => [name, Math.max(0, seconds)])),
  })
}

function groupsOf({ services, engines }: RunFile) {
  const all = [...services, ...engines].map(({ name, pid }) => ({ name: name.replace(/-\d+$/, ''), pid }))
  return [...Map.groupBy(all, ({ name }) => name)].map(([name, members]) => ({
    name,
    pids: members.map(({ pid }) => pid),
    withDescendants: true,
  }))
}

/** Pure. Shares are of all cores together. */
export function cpuUseText(use: CpuUse, k6Seconds: number | undefined): string {
  const available = use.wallSeconds * use.cores
  const row = (name: string, seconds: number) =>
    `  ${name.padEnd(14)} ${seconds.toFixed(1).padStart(8)} s ${((seconds / available) * 100).toFixed(1).padStart(6)} %`
  const parts = [...(k6Seconds === undefined ? [] : [['k6', k6Seconds] as const]), ...use.parts]
  const others = use.busySeconds - parts.reduce((sum, [, seconds]) => sum + seconds, 0)
  return [
    `CPU during ${use.wallSeconds.toFixed(0)} s on ${use.cores} cores`,
    ...parts.map(([name, seconds]) => row(name, seconds)),
    ...(parts.length === 0 ? [] : [row('others', Math.max(0, others))]),
    row('all', use.busySeconds),
    '',
  ].join('\n')
}
