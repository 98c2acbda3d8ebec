/** `npm run load -- <scenario> [options]`: a k6 scenario against a fleet, and its tallies against the fleet's own. */
import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { adminKeyFile } from '@linkfleet/local/fleet/plan'
import { cpuUseText, startCpuUse } from './cpu-use.ts'
import { clicksOfTag, type FleetCounts, readFleetCounts, servedBy } from './fleet-counts.ts'
import { findK6 } from './k6.ts'
import { type LoadOptions, LoadUsageError, readLoadOptions, usage } from './options.ts'
import { unreachable } from './reach.ts'
import { type K6Run, runK6, type Summary, thresholdMissed } from './run-k6.ts'
import { agrees, clicksLine, type Line, requestsLine, tallied, tallyText } from './tally.ts'

const say = (sentence: string): void => {
  process.stderr.write(`load: ${sentence}\n`)
}

const scenarioFile = (name: string): string => fileURLToPath(new URL(`${name}.js`, import.meta.url))
/** The longest that clicks may take from redirect to the statistics once the load is over. */
const countedWithinMs = 60_000

const countIn = (summary: Summary, metric: string): number => summary.metrics[metric]?.count ?? 0

async function compare(
  options: LoadOptions,
  summary: Summary,
  runTag: string,
  before: FleetCounts,
): Promise<readonly Line[]> {
  const after = await readFleetCounts(options.home)
  if (after === undefined) throw new Error(`the fleet in ${options.home} does not run any more`)
  const lines = tallied.map((service) => {
    const requests = countIn(summary, `requests_${service}`)
    const unanswered = requests - countIn(summary, `answered_${service}`)
    return requestsLine(service, { requests, unanswered }, servedBy(service, before, after))
  })
  const unanswered = countIn(summary, 'requests_redirect') - countIn(summary, 'answered_redirect')
  const followed = countIn(summary, 'links_followed')
  const ask = () => clicksOfTag(options.urls.shortener, runTag, ownKey(options))
  const deadlineMs = Date.now() + countedWithinMs
  let clicks = await ask()
  while (clicks < followed && Date.now() < deadlineMs) {
    await sleep(500)
    clicks = await ask()
  }
  return [...lines, clicksLine(followed, unanswered, clicks)]
}

/** Lists of links need a key, also on one machine; its fleet keeps one beside its data. */
function ownKey({ env, home }: LoadOptions): string | undefined {
  const file = adminKeyFile(home)
  return env.API_KEY ?? (existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined)
}

/** What a run shows and k6 does not say. */
function tellRun({ scenario, reportFile }: LoadOptions, { status, summary }: K6Run): void {
  if (existsSync(reportFile)) say(`report: ${reportFile}`)
  if (summary === undefined) return
  const dropped = countIn(summary, 'dropped_iterations')
  if (dropped > 0)
    say(`${dropped} requests were due and not started: k6 had no virtual user free, or no CPU to start them`)
  const offered = Math.round(summary.metrics.offered_redirects_per_second?.value ?? 0)
  if (scenario === 'breakpoint' && offered > 0)
    say(
      status === thresholdMissed
        ? `an objective was missed when ${offered} redirects per second were asked for, and the rest of the mix`
        : `no objective was missed up to ${offered} redirects per second and the rest of the mix`,
    )
}

async function main(args: readonly string[]): Promise<number> {
  if (args.length === 0 || args.includes('--help')) {
    process.stdout.write(`${usage}\n`)
    return args.length === 0 ? 2 : 0
  }
  const exists = (name: string) => existsSync(scenarioFile(name))
  const options = readLoadOptions(args, process.cwd(), exists, process.env)
  const missing = await unreachable({ ...options.urls })
  if (missing.length > 0) {
    say(`${missing.join('; ')}. Start a fleet with npm start, or name one with --base-url or --home.`)
    return 1
  }
  const k6 = await findK6(say)
  const runTag = `load-${randomBytes(5).toString('hex')}`
  const before = options.isOwnFleet ? await readFleetCounts(options.home) : undefined
  const cpuUse = startCpuUse(options.isOwnFleet ? options.home : undefined)
  const run = await runK6({
    k6,
    scenarioFile: scenarioFile(options.scenario),
    reportFile: options.reportFile,
    env: { ...options.env, RUN_TAG: runTag },
  })
  const used = cpuUse()
  tellRun(options, run)
  if (run.summary === undefined) return run.status || 1
  process.stdout.write(`\n${cpuUseText(used, run.cpuSeconds)}`)
  if (before === undefined) {
    say(
      'the load went elsewhere than to a fleet of this machine, whose counters could be set against those of k6',
    )
    return run.status
  }
  const lines = await compare(options, run.summary, runTag, before)
  process.stdout.write(`\n${tallyText(lines)}`)
  return run.status || (lines.every(agrees) ? 0 : 1)
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  if (error instanceof LoadUsageError) {
    say(`${error.message}\n\n${usage}`)
    process.exitCode = 2
  } else {
    say(error instanceof Error ? error.message : String(error))
    process.exitCode = 1
  }
}
