/**
 * How long after its 302 a click is visible. Traffic comes at a steady rate through a redirect; some links are
 * followed exactly once each, and their totals are asked for until they say so.
 */

import { setTimeout as delay } from 'node:timers/promises'
import { clicksPartitionCountDefault } from '@linkfleet/contracts/clicks'
import { StatsClient } from '@linkfleet/contracts/generated/linkfleet/clicks/v1/stats'
import { type GrpcClient, openGrpcClient } from '@linkfleet/runtime/grpc-client'
import type pg from 'pg'
import type { AnalyticsFixture, Part } from './analytics.ts'
import { countClicks } from './click-topic.ts'
import { runClosedLoad } from './closed-load.ts'
import { browserHeaders, getRequest, headRequest } from './http-connections.ts'
import { createLatencyRecorder } from './latency.ts'
import { runOpenLoad } from './open-load.ts'
import { startCpuMeter } from './process-times.ts'
import { formatNumber } from './report.ts'
import type { ServiceProcess } from './service-process.ts'
import { commonEnv, cpuTable } from './stage.ts'
import { createRandom, createZipf } from './zipf.ts'

const rateDefault = 5_000
const probesPerSecond = 20
/** The totals of so many links can be asked for in one call. */
const keysMax = 1_000
const pollMs = 20
const lateMs = 15_000
const warmUpSeconds = 2
const visitSecondsMax = 120
const connections = 128
/** Below it the machine had no room for the load, and freshness was measured at another rate. */
const rateKeptUp = 0.99
const targetMsP99 = 2_000
const seed = 20_32

export async function measureFreshness(fixture: AnalyticsFixture): Promise<Part> {
  const { stage, codes, database } = fixture
  const { options, say, signal, engines } = stage
  const rate = options.ratePerSecond ?? rateDefault
  const probeCodes = codes.slice(0, Math.min(Math.floor(codes.length / 2), options.seconds * probesPerSecond))
  const topic = await engines.openTopic('clicks', clicksPartitionCountDefault)
  const redirect = await startRedirect(fixture, topic)
  const analytics = await fixture.startAnalytics(database, topic)
  const traffic = createTraffic(fixture, redirect, codes.slice(probeCodes.length), rate)
  say('warming up redirect and analytics')
  await lookUpAll(fixture, redirect)
  const warm = await traffic(warmUpSeconds)
  say(`freshness at ${formatNumber(rate)} clicks/s for ${options.seconds} s`)
  const probing = probe({
    analyticsAddress: analytics.grpcAddress,
    redirectUrl: redirect.url,
    codes: probeCodes,
    signal,
  })
  const meter = startCpuMeter(stage.groups([analytics, redirect]))
  const [load, probes] = await Promise.all([traffic(options.seconds), probing])
  const cpu = meter.read()
  await redirect.stop()
  const client = await stage.openClient(database)
  const inKafka = await countClicks(engines.kafka, topic, signal)
  const counted = await untilCounted(client, inKafka)
  await analytics.stop()
  const answered = warm.answered + load.answered + probes.answered
  const attempted = warm.appointed + load.appointed + probeCodes.length
  return {
    notes: [
      `Freshness: from the received 302 to the total in the answer of analytics, which is asked each ${pollMs} ms; redirect and analytics share a core.`,
    ],
    tables: [
      {
        title: `Freshness at ${formatNumber(rate)} clicks/s, in ms`,
        columns: [
          { key: 'count', title: 'probes' },
          { key: 'p50Ms', title: 'p50' },
          { key: 'p99Ms', title: 'p99' },
          { key: 'maxMs', title: 'max' },
        ],
        rows: [{ ...probes.percentiles }],
      },
      cpuTable(cpu, { name: 'click', count: load.answered + probes.answered }),
    ],
    checks: [
      {
        what: 'acknowledged ≤ counted ≤ attempted, and counted is what is in Kafka',
        passed: answered <= counted && counted <= attempted && counted === inKafka,
        found: `${formatNumber(answered)} ≤ ${formatNumber(counted)} ≤ ${formatNumber(attempted)}, ${formatNumber(inKafka)} in Kafka`,
      },
      {
        what: 'every probe became visible',
        passed: probes.unseen === 0 && probes.percentiles.count > 0,
        found: `${probes.percentiles.count} seen, ${probes.unseen} not within ${lateMs} ms, ${probes.failed} not answered 302`,
      },
    ],
    targets: [
      {
        what: 'clicks per second that were kept up meanwhile',
        atLeast: rate * rateKeptUp,
        measured: load.answered / options.seconds,
      },
      { what: 'visible after a click in ms, p99', atMost: targetMsP99, measured: probes.percentiles.p99Ms },
    ],
  }
}

/** Visitors of links by Zipf's law, for so many seconds. */
function createTraffic(
  { stage: { signal } }: AnalyticsFixture,
  { port }: ServiceProcess,
  codes: readonly string[],
  ratePerSecond: number,
) {
  const requests = codes.map((code) => getRequest(`/${code}`))
  const zipf = createZipf(requests.length, 1, createRandom(seed))
  const nextRequest = () => requests[zipf.draw()] as string
  return (seconds: number) =>
    runOpenLoad({ port, connections, ratePerSecond, seconds, status: 302, nextRequest, signal })
}

/** On the core of analytics: the load and the engines take the other one for themselves. */
async function startRedirect(fixture: AnalyticsFixture, clicksTopic: string): Promise<ServiceProcess> {
  const { stage, database } = fixture
  return await stage.start({
    program: 'redirect',
    core: 'measured',
    env: {
      ...commonEnv(stage, fixture.linkChangesTopic),
      DATABASE_REPLICA_URLS: database.replicaUrls.join(','),
      SHORTENER_ADDRESSES: fixture.shortener.grpcAddress,
      CLICKS_TOPIC: clicksTopic,
      SPOOL_DIR: `${stage.home}/spool-freshness`,
    },
  })
}

/** By HEAD, which is no click, so that no probe has to wait for its link to be read. */
async function lookUpAll({ stage, codes }: AnalyticsFixture, redirect: ServiceProcess): Promise<void> {
  const heads = codes.map((code) => headRequest(`/${code}`))
  await runClosedLoad({
    port: redirect.port,
    connections: stage.options.connections,
    seconds: visitSecondsMax,
    status: 302,
    nextRequest: () => heads.pop(),
    signal: stage.signal,
  })
}

interface ProbeOptions {
  readonly analyticsAddress: string
  readonly redirectUrl: string
  readonly codes: readonly string[]
  readonly signal: AbortSignal
}

async function probe(options: ProbeOptions) {
  const { signal, codes } = options
  using stats = openGrpcClient(StatsClient, { addresses: [options.analyticsAddress], deadlineMs: 5_000 })
  const latency = createLatencyRecorder()
  /** Followed, and not yet seen in a total. */
  const answeredAtMs = new Map<string, number>()
  let left = codes.length
  const following = (async () => {
    for (const code of codes) {
      signal.throwIfAborted()
      const response = await fetch(`${options.redirectUrl}/${code}`, {
        redirect: 'manual',
        headers: browserHeaders,
        signal: AbortSignal.timeout(10_000),
      })
      if (response.status === 302) answeredAtMs.set(code, performance.now())
      else left -= 1
      await delay(1_000 / probesPerSecond)
    }
  })()
  let deadlineMs = Number.POSITIVE_INFINITY
  following.then(
    () => {
      deadlineMs = performance.now() + lateMs
    },
    () => {
      deadlineMs = 0
    },
  )
  while (left > 0 && performance.now() < deadlineMs) {
    signal.throwIfAborted()
    for (const code of await countedOnce(stats, [...answeredAtMs.keys()].slice(0, keysMax))) {
      latency.record(performance.now() - (answeredAtMs.get(code) ?? 0))
      answeredAtMs.delete(code)
      left -= 1
    }
    await delay(pollMs)
  }
  await following
  const percentiles = latency.percentiles()
  const unseen = answeredAtMs.size
  return {
    percentiles,
    unseen,
    answered: percentiles.count + unseen,
    failed: codes.length - percentiles.count - unseen,
  }
}

async function countedOnce(stats: GrpcClient<StatsClient>, codes: readonly string[]): Promise<string[]> {
  if (codes.length === 0) return []
  const keys = codes.map((code) => ({ domainId: 1, code }))
  const { totals } = await stats.call((client) => client.getTotals, { keys })
  return totals.flatMap(({ key, total }) => (key !== undefined && total > 0 ? [key.code] : []))
}

async function untilCounted(client: pg.Client, clicks: number): Promise<number> {
  const deadlineMs = performance.now() + lateMs
  for (;;) {
    const { rows } = await client.query<{ clicks: number }>(
      'SELECT coalesce(sum(humans + bots), 0)::int AS clicks FROM clicks.totals',
    )
    const counted = rows[0]?.clicks ?? 0
    if (counted === clicks || performance.now() > deadlineMs) return counted
    await delay(pollMs)
  }
}
