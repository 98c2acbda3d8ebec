/**
 * `npm run demo`: fifty links and some minutes of traffic that looks like a day of people: a few links are loved, most
 * are not; visits swell and ebb; some visitors are bots, some codes are mistyped. Bounded in count and time.
 */

import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { demoLinks, pickLink, pickVisitor, visitsPerSecond } from '../fleet/demo-traffic.ts'
import { parse, readHome, wholeNumber } from '../fleet/options.ts'
import { adminKeyFile, httpUrl } from '../fleet/plan.ts'
import { type RunFile, readRunFile } from '../fleet/run-file.ts'
import { LocalFleetError, messageOf } from '../problem.ts'

const MINUTES_MAX = 120
const TICK_MS = 100
const IN_FLIGHT_MAX = 64

export async function demo(args: string[], checkout: string): Promise<number> {
  const { values } = parse(args, { home: { type: 'string' }, minutes: { type: 'string', default: '3' } })
  const home = readHome(values.home ? ['--home', String(values.home)] : [], checkout)
  const minutes = wholeNumber('--minutes', String(values.minutes), 1, MINUTES_MAX)
  const run = readRunFile(home)
  const shortener = run && urlOf(run, 'shortener')
  const redirect = run && urlOf(run, 'redirect')
  if (!shortener || !redirect) throw new LocalFleetError(`No fleet runs in ${home}: begin with "npm start".`)
  const adminKey = (await readFile(adminKeyFile(home), 'utf8')).trim()
  const codes = await createLinks(shortener, adminKey)
  console.log(`linkfleet: ${codes.length} links; traffic for ${minutes} min. Ctrl-C ends it early.`)
  const stopping = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopping.abort())
  const result = await sendTraffic(redirect, codes, minutes * 60_000, stopping.signal)
  console.log(
    `linkfleet: ${result.answered} visits answered, ${result.failed} failed. Look at them in the console.`,
  )
  return result.failed > 0 ? 1 : 0
}

function urlOf(run: RunFile, name: string): string | undefined {
  const url = run.services.find((service) => service.name === name)?.url
  return url && httpUrl(new URL(url).hostname, Number(new URL(url).port))
}

/** The same links each time: a second demo finds the first one's by their aliases. */
async function createLinks(shortener: string, adminKey: string): Promise<string[]> {
  const codes: string[] = []
  for (const link of demoLinks()) {
    const answer = await fetch(`${shortener}/api/v1/links`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${adminKey}` },
      body: JSON.stringify(link),
      signal: AbortSignal.timeout(10_000),
    }).catch((error: unknown) => {
      throw new LocalFleetError(`The shortener does not answer: ${messageOf(error)}`)
    })
    if (!answer.ok && answer.status !== 409)
      throw new LocalFleetError(`The shortener answered ${answer.status}: ${await answer.text()}`)
    await answer.body?.cancel()
    codes.push(link.alias)
  }
  return codes
}

async function sendTraffic(redirect: string, codes: string[], durationMs: number, signal: AbortSignal) {
  const result = { answered: 0, failed: 0 }
  const startedAt = Date.now()
  let inFlight = 0
  let owed = 0
  const visit = async () => {
    inFlight += 1
    const { code, headers } = { code: pickLink(codes, Math.random), headers: pickVisitor(Math.random) }
    try {
      const answer = await fetch(`${redirect}/${code}`, {
        redirect: 'manual',
        headers,
        signal: AbortSignal.timeout(5_000),
      })
      await answer.body?.cancel()
      if (answer.status < 500) result.answered += 1
      else result.failed += 1
    } catch {
      result.failed += 1
    }
    inFlight -= 1
  }
  while (!signal.aborted && Date.now() - startedAt < durationMs) {
    owed += (visitsPerSecond((Date.now() - startedAt) / durationMs, Math.random) * TICK_MS) / 1_000
    for (; owed >= 1; owed--) if (inFlight < IN_FLIGHT_MAX) void visit()
    await sleep(TICK_MS)
  }
  while (inFlight > 0) await sleep(TICK_MS)
  return result
}
