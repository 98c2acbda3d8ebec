/** Clicks per second from a topic that was filled beforehand into the rollups, with and without all dimensions. */

import { setTimeout as delay } from 'node:timers/promises'
import { clicksPartitionCountDefault } from '@linkfleet/contracts/clicks'
import type pg from 'pg'
import type { AnalyticsFixture, Part } from './analytics.ts'
import { fillClickTopic } from './click-topic.ts'
import { createDrawClick } from './generated-clicks.ts'
import { memoryOf, startCpuMeter } from './process-times.ts'
import { formatNumber, ratioOf } from './report.ts'
import { cpuTable } from './stage.ts'

const target = { none: 50_000, all: 20_000 } as const
const names = { none: 'totals and series', all: 'all dimensions' } as const
const pollMs = 50
const startWithinMs = 30_000
/** How much longer than asked for the topic may take, so that exactness can be checked at all. */
const finishWithinFactor = 6
const seed = 20_31

interface Applied {
  readonly clicks: number
  readonly atMs: number
}

export async function measureIngest(fixture: AnalyticsFixture, dimensions: 'all' | 'none'): Promise<Part> {
  const { stage, codes } = fixture
  const { engines, options, say, signal } = stage
  const name = names[dimensions]
  const clicks = options.seconds * target[dimensions]
  const database = await engines.openDatabase()
  const topic = await engines.openTopic('clicks', clicksPartitionCountDefault)
  say(`filling a topic with ${formatNumber(clicks)} clicks: ${name}`)
  const drawClick = createDrawClick({ codes, dimensions, seed })
  await fillClickTopic({
    kafka: engines.kafka,
    topic,
    partitions: clicksPartitionCountDefault,
    clicks,
    drawClick,
    signal,
  })
  const client = await stage.openClient(database)
  say(`applying them: ${name}`)
  const analytics = await fixture.startAnalytics(database, topic)
  const first = await untilApplied(client, 1, startWithinMs, signal)
  const meter = startCpuMeter(stage.groups([analytics]))
  const last = await untilApplied(client, clicks, options.seconds * finishWithinFactor * 1_000, signal)
  const cpu = meter.read()
  const memory = memoryOf(analytics.pid)
  const rows = await client.query<{ clicks: number; links: number }>(
    'SELECT sum(humans + bots)::int AS clicks, count(*)::int AS links FROM clicks.totals',
  )
  await analytics.stop()

  // The joining of the group is not counted, nor is what the first look found done.
  const applied = last.clicks - first.clicks
  const perSecond = ratioOf(applied, (last.atMs - first.atMs) / 1_000) ?? 0
  const own = cpu.get(analytics.name) ?? 0
  return {
    notes: [`${name}: ${formatNumber(codes.length)} links, clicks by Zipf's law with s = 1, seed ${seed}.`],
    tables: [
      {
        title: `Clicks into rollups: ${name}`,
        columns: [
          { key: 'clicks', title: 'clicks' },
          { key: 'perSecond', title: 'clicks/s' },
          { key: 'perCpuSecond', title: 'per CPU s' },
          { key: 'links', title: 'links' },
          { key: 'rssMb', title: 'peak RSS MB' },
        ],
        rows: [
          {
            clicks: applied,
            perSecond,
            perCpuSecond: ratioOf(applied, own),
            links: rows.rows[0]?.links,
            rssMb: memory.residentPeakBytes / 1e6,
          },
        ],
      },
      cpuTable(cpu, { name: 'click', count: applied }),
    ],
    checks: [
      {
        what: `every click of the topic is counted once: ${name}`,
        passed: last.clicks === clicks && rows.rows[0]?.clicks === clicks,
        found: `${formatNumber(rows.rows[0]?.clicks ?? 0)} of ${formatNumber(clicks)}`,
      },
    ],
    targets: [{ what: `clicks per second: ${name}`, atLeast: target[dimensions], measured: perSecond }],
  }
}

/** What is applied when it is at least so much, or when the time is up. */
async function untilApplied(
  client: pg.Client,
  wanted: number,
  withinMs: number,
  signal: AbortSignal,
): Promise<Applied> {
  const deadlineMs = performance.now() + withinMs
  for (;;) {
    signal.throwIfAborted()
    const { rows } = await client.query<{ clicks: number }>(
      'SELECT coalesce(sum(humans + bots), 0)::int AS clicks FROM clicks.fleet_series WHERE grain_seconds = 0',
    )
    const atMs = performance.now()
    const clicks = rows[0]?.clicks ?? 0
    if (clicks >= wanted || atMs > deadlineMs) return { clicks, atMs }
    await delay(pollMs)
  }
}
