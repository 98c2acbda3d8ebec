/** `npm run load -- <scenario> [options]`: a k6 scenario against a fleet, and its tallies against the fleet's own. */
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { clicksOfTag, type FleetCounts, readFleetCounts, servedBy } from './fleet-counts.ts'
import { findK6, NoK6 } from './k6.ts'
import { type LoadOptions, LoadUsageError, readLoadOptions, usage } from './options.ts'
import { agrees, type Line, tallied, tallyText } from './tally.ts'

const say = (sentence: string): void => {
  process.stderr.write(`load: ${sentence}\n`)
}

const scenarioFile = (name: string): string => fileURLToPath(new URL(`${name}.js`, import.meta.url))
/** The longest that clicks may take from redirect to the statistics once the load is over. */
const countedWithinMs = 60_000

type Summary = { readonly metrics: Readonly<Record<string, { readonly count?: number }>> }

function runK6(k6: string, options: LoadOptions, summaryFile: string, runTag: string): Promise<number> {
  const { scenario, env, reportFile } = options
  mkdirSync(dirname(reportFile), { recursive: true })
  const flags = ['run', '--no-usage-report', `--summary-export=${summaryFile}`, scenarioFile(scenario)]
  const child = spawn(k6, flags, {
    stdio: 'inherit',
    env: {
      ...process.env,
      ...env,
      RUN_TAG: runTag,
      K6_WEB_DASHBOARD: 'true',
      K6_WEB_DASHBOARD_PORT: '-1',
      K6_WEB_DASHBOARD_PERIOD: '2s',
      K6_WEB_DASHBOARD_EXPORT: reportFile,
    },
  })
  const stop = (signal: NodeJS.Signals) => child.kill(signal)
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => resolve(code ?? 1))
  })
}

/** undefined: there is no fleet on this machine to compare with. */
async function compare(
  options: LoadOptions,
  summary: Summary,
  runTag: string,
  before: FleetCounts | undefined,
): Promise<readonly Line[] | undefined> {
  const countOf = (metric: string) => summary.metrics[metric]?.count ?? 0
  const tolerance = countOf('requests_unanswered')
  const followed = countOf('links_followed')
  if (before === undefined) return undefined
  const after = await readFleetCounts(before.home)
  if (after === undefined) return undefined
  const lines: Line[] = tallied.map((service) => ({
    what: `requests to ${service}`,
    generator: countOf(`requests_${service}`),
    fleet: servedBy(service, before, after),
    tolerance,
  }))
  const { API_URL = '', API_KEY } = options.env
  const deadlineMs = Date.now() + countedWithinMs
  let clicks = await clicksOfTag(API_URL, runTag, API_KEY)
  while (clicks < followed && Date.now() < deadlineMs) {
    await sleep(500)
    clicks = await clicksOfTag(API_URL, runTag, API_KEY)
  }
  return [...lines, { what: 'links followed, clicks', generator: followed, fleet: clicks, tolerance: 0 }]
}

async function main(args: readonly string[]): Promise<number> {
  if (args.length === 0 || args.includes('--help')) {
    process.stdout.write(`${usage}\n`)
    return args.length === 0 ? 2 : 0
  }
  const options = readLoadOptions(args, process.cwd(), (name) => existsSync(scenarioFile(name)))
  const k6 = await findK6(say)
  const runTag = `load-${randomBytes(5).toString('hex')}`
  const summaryFile = `${options.reportFile}.summary.json`
  const before = options.isOwnFleet ? await readFleetCounts(options.home) : undefined
  try {
    const status = await runK6(k6, options, summaryFile, runTag)
    if (!existsSync(summaryFile)) return status || 1
    const summary = JSON.parse(readFileSync(summaryFile, 'utf8')) as Summary
    say(`report: ${options.reportFile}`)
    const lines = await compare(options, summary, runTag, before)
    if (lines === undefined) {
      say('no fleet of this machine was loaded: its counters cannot be set against k6’s')
      return status
    }
    process.stdout.write(tallyText(lines))
    return status || (lines.every(agrees) ? 0 : 1)
  } finally {
    rmSync(summaryFile, { force: true })
  }
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  if (error instanceof LoadUsageError) {
    say(`${error.message}\n\n${usage}`)
    process.exitCode = 2
  } else {
    say(error instanceof NoK6 || error instanceof Error ? error.message : String(error))
    process.exitCode = 1
  }
}
