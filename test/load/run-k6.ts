/** One run of k6: a scenario, its HTML report, its summary as data, and the CPU time it took. */
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { cpuSecondsOf } from '../bench/process-times.ts'

export interface Summary {
  /** Counters have a count, gauges a value; k6 leaves out what was never written. */
  readonly metrics: Readonly<Record<string, { readonly count?: number; readonly value?: number }>>
}

export interface K6Run {
  readonly status: number
  /** undefined: k6 ended before it could tell. */
  readonly summary: Summary | undefined
  /** undefined where the system does not tell. */
  readonly cpuSeconds: number | undefined
}

/** What k6 exits with when a threshold is missed. */
export const thresholdMissed = 99
/** The last part of this length is missing from k6's CPU time. */
const lookEveryMs = 250

export async function runK6(options: {
  readonly k6: string
  readonly scenarioFile: string
  readonly reportFile: string
  readonly env: Readonly<Record<string, string>>
}): Promise<K6Run> {
  const { reportFile } = options
  const summaryFile = `${reportFile}.summary.json`
  mkdirSync(dirname(reportFile), { recursive: true })
  // k6 writes none after a short run, and an earlier one would be taken for it.
  rmSync(reportFile, { force: true })
  // A progress bar that cannot be drawn over becomes hundreds of lines.
  const quietly = process.stdout.isTTY ? [] : ['--quiet']
  const flags = ['run', '--no-usage-report', ...quietly, `--summary-export=${summaryFile}`]
  const child = spawn(options.k6, [...flags, options.scenarioFile], {
    stdio: 'inherit',
    env: {
      ...process.env,
      ...options.env,
      K6_WEB_DASHBOARD: 'true',
      K6_WEB_DASHBOARD_PORT: '-1',
      K6_WEB_DASHBOARD_PERIOD: '2s',
      K6_WEB_DASHBOARD_EXPORT: reportFile,
    },
  })
  const stop = (signal: NodeJS.Signals) => child.kill(signal)
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
  let cpuSeconds: number | undefined
  const look = setInterval(() => {
    try {
      if (child.pid !== undefined) cpuSeconds = cpuSecondsOf(child.pid)
    } catch {
      // It has just ended, or there is no /proc here.
    }
  }, lookEveryMs)
  try {
    const status = await new Promise<number>((resolve, reject) => {
      child.once('error', reject)
      child.once('exit', (code) => resolve(code ?? 1))
    })
    return { status, summary: readSummary(summaryFile), cpuSeconds }
  } finally {
    clearInterval(look)
    process.off('SIGINT', stop)
    process.off('SIGTERM', stop)
    rmSync(summaryFile, { force: true })
  }
}

function readSummary(file: string): Summary | undefined {
  if (!existsSync(file)) return undefined
  return JSON.parse(readFileSync(file, 'utf8')) as Summary
}
