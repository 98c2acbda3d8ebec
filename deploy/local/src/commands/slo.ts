/** `npm run slo -- report`: a day's service levels and the credit owed; `generate`: all that follows from deploy/slo. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { agreement, slos } from '@linkfleet/slo/generated/objectives'
import { MonitoringAway } from '@linkfleet/slo/monitoring'
import { openPrometheus } from '@linkfleet/slo/prometheus'
import { readDay } from '@linkfleet/slo/report/day'
import type { DayReport } from '@linkfleet/slo/report/day-report'
import { htmlOf } from '@linkfleet/slo/report/html'
import { markdownOf } from '@linkfleet/slo/report/markdown'
import { readDayReport } from '@linkfleet/slo/report/read-day-report'
import { parse, readHome } from '../fleet/options.ts'
import { readRunFile } from '../fleet/run-file.ts'
import { LocalFleetError, messageOf } from '../problem.ts'
import { runChild } from './child.ts'

const formats: Readonly<Record<string, (report: DayReport) => string>> = {
  markdown: markdownOf,
  html: htmlOf,
  json: (report) => `${JSON.stringify(report, null, 2)}\n`,
}

/** A day's raw samples take Prometheus a while. */
const queryTimeoutMs = 60_000

export async function slo(args: string[], checkout: string): Promise<number> {
  const [what, ...rest] = args
  if (what === 'report') return await report(rest, checkout)
  if (what === 'generate')
    return await runChild(
      process.execPath,
      [join(checkout, 'deploy/prometheus/src/main.ts'), ...rest],
      checkout,
    )
  throw new LocalFleetError('Say "npm run slo -- report" or "npm run slo -- generate".')
}

async function report(args: string[], checkout: string): Promise<number> {
  const { values } = parse(args, {
    day: { type: 'string' },
    format: { type: 'string', default: 'markdown' },
    out: { type: 'string' },
    prometheus: { type: 'string' },
    home: { type: 'string' },
  })
  const format = formats[String(values.format)]
  if (format === undefined)
    throw new LocalFleetError(`--format is ${Object.keys(formats).join(', ')}, not "${values.format}".`)
  const nowSeconds = Date.now() / 1000
  const answer = readDay(values.day === undefined ? undefined : String(values.day), nowSeconds)
  if (answer.kind === 'invalid') throw new LocalFleetError(`--${answer.detail}.`)
  const home = readHome(values.home ? ['--home', String(values.home)] : [], checkout)
  const url = prometheusUrl(values.prometheus === undefined ? undefined : String(values.prometheus), home)
  const text = format(await readFrom(url, answer.day, nowSeconds))
  if (values.out === undefined) process.stdout.write(text)
  else writeReport(resolve(checkout, String(values.out)), text)
  return 0
}

/** Into a folder that need not be there yet. */
export function writeReport(file: string, text: string): void {
  try {
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
  } catch (error) {
    throw new LocalFleetError(`--out ${file}: the report could not be written: ${messageOf(error)}.`)
  }
}

async function readFrom(url: string, day: Parameters<typeof readDayReport>[2], nowSeconds: number) {
  try {
    return await readDayReport(openPrometheus(url, queryTimeoutMs), { slos, agreement }, day, nowSeconds)
  } catch (error) {
    if (!(error instanceof MonitoringAway)) throw error
    throw new LocalFleetError(`${url}: ${error.message}`)
  }
}

function prometheusUrl(given: string | undefined, home: string): string {
  const running = readRunFile(home)?.engines.find(({ name }) => name === 'prometheus')?.url
  const url = given ?? process.env.PROMETHEUS_URL ?? running
  if (url === undefined)
    throw new LocalFleetError(
      `No Prometheus is known: start the fleet of ${home} ("npm start"), or name one with --prometheus URL.`,
    )
  if (!URL.canParse(url) || !/^https?:/.test(url))
    throw new LocalFleetError(`--prometheus is a URL, not "${url}".`)
  return url.replace(/\/$/, '')
}
