/** `npm run bench -- <ids|shortener|redirect|overload|analytics|l1> [options]`: measures, prints, and leaves nothing behind. */
import { BenchUsageError, readBenchOptions } from './options.ts'
import { formatReport, isMet, type Report } from './report.ts'
import type { BenchContext } from './stage.ts'

const usage = `npm run bench -- <ids|shortener|redirect|overload|analytics|l1> [options]
    --seconds N       how long each measurement takes            (10)
    --links N         generated links, also as 1e7               (each bench has its own default)
    --connections N   of the load                                (64)
    --rate N          a second, where a rate is kept up          (redirect: half of its capacity; analytics: 5000)
    --part NAME       analytics: only totals, dimensions, freshness or statistics; redirect: only capacity, latency or memory, or faults
    --json            the report as JSON
    --cpu-prof DIR    CPU profiles of what is measured`

const exitStatus = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const

const benches: Record<
  ReturnType<typeof readBenchOptions>['bench'],
  (context: BenchContext) => Promise<Report>
> = {
  ids: async (context) => (await import('./ids.ts')).benchIds(context),
  shortener: async (context) => (await import('./shortener.ts')).benchShortener(context),
  redirect: async (context) => (await import('./redirect.ts')).benchRedirect(context),
  overload: async (context) => (await import('./overload.ts')).benchOverload(context),
  analytics: async (context) => (await import('./analytics.ts')).benchAnalytics(context),
  l1: async (context) => (await import('./l1.ts')).benchL1(context),
}

const say = (words: string): void => {
  process.stderr.write(`bench: ${words}\n`)
}

async function main(args: readonly string[], signal: AbortSignal): Promise<number> {
  const options = readBenchOptions(args)
  if (process.platform !== 'linux') {
    throw new BenchUsageError('Benches read CPU times from /proc, so they run on Linux only.')
  }
  const report = await benches[options.bench]({ options, say, signal })
  const targets = report.targets.map((target) => ({ ...target, met: isMet(target) }))
  process.stdout.write(
    options.json
      ? `${JSON.stringify({ ...report, options, targets }, null, 2)}\n`
      : `\n${formatReport(report)}`,
  )
  return report.checks.every(({ passed }) => passed) ? exitStatus.done : exitStatus.failed
}

const interruption = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    if (!interruption.signal.aborted) say('ending; everything that was started is stopped first')
    interruption.abort(new Error('interrupted'))
  })
}

try {
  process.exitCode = await main(process.argv.slice(2), interruption.signal)
} catch (error) {
  if (interruption.signal.aborted) process.exitCode = exitStatus.interrupted
  else if (error instanceof BenchUsageError) {
    say(`${error.message}\n\n${usage}`)
    process.exitCode = exitStatus.usage
  } else {
    say(error instanceof Error ? (error.stack ?? error.message) : String(error))
    process.exitCode = exitStatus.failed
  }
}
// Open connections of a client library must not keep a finished bench alive.
process.exit()
