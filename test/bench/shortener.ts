/** Creates: durable single ones at 64 connections, and bulk; with few links stored and, on demand, with very many. */
import { eventually } from '@linkfleet/testkit/eventually'
import { runClosedLoad } from './closed-load.ts'
import { generateLinks } from './generated-links.ts'
import { postRequest } from './http-connections.ts'
import type { Percentiles } from './latency.ts'
import { tellMachineSpeed } from './machine-speed.ts'
import { memoryOf, startCpuMeter } from './process-times.ts'
import { type Check, formatNumber, type Report, ratioOf, type Table, type Target } from './report.ts'
import type { ServiceProcess } from './service-process.ts'
import { type BenchContext, commonEnv, cpuTable, openStage, type Stage } from './stage.ts'

const linksAtFirst = 1_000
/** Until the compiler has seen enough of it, or the time is up: a cold service would make the first size look slow. */
const warmUpCreates = { single: 10_000, bulk: 40 } as const
const warmUpSecondsMax = 15
const drainWithinMs = 120_000
const bulkItems = 1_000
const bulkConnections = 4
const singlePath = '/api/v1/links'
const bulkPath = '/api/v1/links/bulk'

interface Run {
  readonly what: 'single' | 'bulk'
  readonly storedLinks: number
  readonly created: number
  readonly failed: number
  readonly seconds: number
  readonly latency: Percentiles
  /** Rows the relay had not brought to Redis and Kafka yet when the last create was answered, and how long it took. */
  readonly outboxRows: number
  readonly drainSeconds: number
  /** Until the outbox was empty: what the relay does later is part of the price of a create. */
  readonly cpu: ReadonlyMap<string, number>
}

interface Fixture {
  readonly stage: Stage
  readonly shortener: ServiceProcess
  readonly countLinks: () => Promise<number>
  readonly countOutbox: () => Promise<number>
  readonly checks: Check[]
}

let urlNumber = 0
const nextUrl = () => `https://example.com/articles/2031/${(urlNumber++).toString(36)}?from=newsletter`

const loads = {
  single: {
    nextRequest: () => postRequest(singlePath, JSON.stringify({ url: nextUrl() })),
    linksEach: 1,
    status: 201,
  },
  bulk: {
    nextRequest: () => {
      const links = Array.from({ length: bulkItems }, () => ({ url: nextUrl() }))
      return postRequest(bulkPath, JSON.stringify({ links }))
    },
    linksEach: bulkItems,
    status: 200,
  },
} as const

/** Every answered create must be a row; the count is taken from the table, so an answer alone proves nothing. */
async function measure(
  fixture: Fixture,
  what: Run['what'],
  seconds: number,
  storedLinks: number,
): Promise<Run> {
  const { stage, shortener, countLinks, countOutbox, checks } = fixture
  const load = loads[what]
  const before = await countLinks()
  const meter = startCpuMeter(stage.groups([shortener]))
  const run = await runClosedLoad({
    port: shortener.port,
    connections: what === 'single' ? stage.options.connections : bulkConnections,
    seconds,
    status: load.status,
    nextRequest: load.nextRequest,
    signal: stage.signal,
  })
  const endedMs = performance.now()
  const outboxRows = await countOutbox()
  await untilDrained(fixture)
  const drainSeconds = outboxRows === 0 ? 0 : (performance.now() - endedMs) / 1_000
  const cpu = meter.read()
  const created = run.answered * load.linksEach
  const rows = (await countLinks()) - before
  checks.push({
    what: `every ${what} create that was answered ${load.status} is stored, and none failed`,
    passed: run.failed === 0 && rows === created && created > 0,
    found: `${formatNumber(created)} answered, ${formatNumber(rows)} rows, ${formatNumber(run.failed)} failed`,
  })
  return { ...run, what, storedLinks, created, outboxRows, drainSeconds, cpu }
}

async function untilDrained({ stage, countOutbox }: Fixture): Promise<void> {
  await eventually(async () => (await countOutbox()) === 0, {
    withinMs: drainWithinMs,
    everyMs: 50,
    signal: stage.signal,
  })
}

async function warmUp(fixture: Fixture, what: Run['what']): Promise<void> {
  const { stage, shortener } = fixture
  const load = loads[what]
  let left = warmUpCreates[what]
  await runClosedLoad({
    port: shortener.port,
    connections: what === 'single' ? stage.options.connections : bulkConnections,
    seconds: warmUpSecondsMax,
    status: load.status,
    nextRequest: () => (left-- > 0 ? load.nextRequest() : undefined),
    signal: stage.signal,
  })
  await untilDrained(fixture)
}

async function bulkStatus({ shortener }: Fixture): Promise<number> {
  const response = await fetch(`${shortener.url}${bulkPath}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ links: [{ url: nextUrl() }] }),
    signal: AbortSignal.timeout(10_000),
  })
  await response.arrayBuffer()
  return response.status
}

export async function benchShortener(context: BenchContext): Promise<Report> {
  const { say, signal, options } = context
  await using stage = await openStage(context, { which: ['postgres', 'redis', 'kafka'], replicas: 0 })
  const machine = await tellMachineSpeed(stage)
  const { client, ...service } = await startShortener(stage)
  const { shortener } = service
  const fixture: Fixture = { stage, ...service, checks: [] }
  const notes = [
    ...stage.notes,
    machine,
    `Single creates: ${options.connections} connections, each waits for its answer.`,
  ]
  const status = await bulkStatus(fixture)
  const hasBulk = status !== 404 && status !== 405
  if (hasBulk) notes.push(`Bulk creates: ${bulkItems} links each, ${bulkConnections} connections.`)
  else notes.push(`Bulk creates are not measured: ${bulkPath} was answered ${status}.`)

  const runs: Run[] = []
  const sizes = [linksAtFirst, ...((options.links ?? 0) > linksAtFirst ? [options.links ?? 0] : [])]
  let generated = 0
  for (const size of sizes) {
    say(`generating ${formatNumber(size)} links`)
    await generateLinks({ client, from: generated, count: size, say, signal })
    generated = size
    say('warming up')
    await warmUp(fixture, 'single')
    say(`creating links for ${options.seconds} s`)
    runs.push(await measure(fixture, 'single', options.seconds, size))
    if (!hasBulk) continue
    await warmUp(fixture, 'bulk')
    say(`creating links in bulk for ${options.seconds} s`)
    runs.push(await measure(fixture, 'bulk', options.seconds, size))
  }
  return {
    bench: 'shortener',
    notes,
    tables: [creates(runs, shortener), ...runs.map(cpuOf)],
    checks: fixture.checks,
    targets: targetsOf(runs),
  }
}

async function startShortener(stage: Stage) {
  const { engines } = stage
  const database = await engines.openDatabase()
  const topic = await engines.openTopic('link-changes', 12)
  const env = { ...commonEnv(stage, topic), DATABASE_URL: database.url }
  const generator = await stage.start({ program: 'id-generator', core: 'other', env })
  const shortener = await stage.start({
    program: 'shortener',
    core: 'measured',
    env: { ...env, ID_GENERATOR_ADDRESSES: generator.grpcAddress, CODE_POOL_CODES_MAX: '50000' },
  })
  const client = await stage.openClient(database)
  // Generated rows have longer codes. Counting them each time would take minutes, so only the others are counted.
  const countLinks = async () => {
    const text = "SELECT count(*)::int AS links FROM links.links WHERE created_by <> 'bench'"
    return (await client.query<{ links: number }>(text)).rows[0]?.links ?? 0
  }
  const countOutbox = async () => {
    const text = 'SELECT count(*)::int AS rows FROM links.outbox'
    return (await client.query<{ rows: number }>(text)).rows[0]?.rows ?? 0
  }
  return { shortener, client, countLinks, countOutbox }
}

function creates(runs: readonly Run[], shortener: ServiceProcess): Table {
  return {
    title: 'Creates',
    columns: [
      { key: 'what', title: 'create' },
      { key: 'storedLinks', title: 'links before' },
      { key: 'linksPerSecond', title: 'links/s' },
      { key: 'linksPerCpuSecond', title: 'per CPU s' },
      { key: 'outboxRows', title: 'outbox after' },
      { key: 'drainSeconds', title: 'drained in s', digits: 2 },
      { key: 'p50Ms', title: 'p50 ms', digits: 2 },
      { key: 'p99Ms', title: 'p99 ms', digits: 2 },
      { key: 'p999Ms', title: 'p99.9 ms', digits: 2 },
      { key: 'ratio', title: 'of the first', digits: 2 },
      { key: 'rssMb', title: 'RSS MB' },
    ],
    rows: runs.map((run) => {
      const first = runs.find(({ what }) => what === run.what) ?? run
      return {
        what: run.what,
        storedLinks: run.storedLinks,
        linksPerSecond: run.created / run.seconds,
        linksPerCpuSecond: ratioOf(run.created, run.cpu.get(shortener.name) ?? 0),
        outboxRows: run.outboxRows,
        drainSeconds: run.drainSeconds,
        ...run.latency,
        ratio: ratioOf(run.created / run.seconds, first.created / first.seconds),
        rssMb: memoryOf(shortener.pid).residentPeakBytes / 1e6,
      }
    }),
  }
}

function cpuOf(run: Run): Table {
  const table = cpuTable(run.cpu, { name: 'link', count: run.created })
  return {
    ...table,
    title: `${table.title} until the outbox was empty: ${run.what} creates with ${formatNumber(run.storedLinks)} links`,
  }
}

const targetLinksPerSecond = { single: 5_000, bulk: 30_000 } as const
const targetRatio = 0.9

function targetsOf(runs: readonly Run[]): Target[] {
  return runs.map((run, index) => {
    const rate = run.created / run.seconds
    const first = runs.find(({ what }) => what === run.what)
    if (first === undefined || runs.indexOf(first) === index) {
      const what = `${run.what} creates: links per second`
      return { what, atLeast: targetLinksPerSecond[run.what], measured: rate }
    }
    return {
      what: `${run.what} creates with ${formatNumber(run.storedLinks)} links, part of the rate with few`,
      atLeast: targetRatio,
      measured: ratioOf(rate, first.created / first.seconds) ?? 0,
    }
  })
}
