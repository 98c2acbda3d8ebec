/**
 * Redirects beside a bare server that answers the same: in one run, on the same core in turn, so that what the
 * machine does meanwhile weighs on both. What counts is the ratio of requests per CPU second, of all threads.
 */
import { countClicks } from './click-topic.ts'
import { randomGets } from './http-connections.ts'
import { readMetricsPage, sumOf } from './metrics-page.ts'
import { type OpenLoad, runOpenLoad } from './open-load.ts'
import { BenchUsageError } from './options.ts'
import { memoryOf, startCpuMeter } from './process-times.ts'
import { benchRedirectFaults } from './redirect-faults.ts'
import {
  chooseLoad,
  fillMemory,
  openRedirectFixture,
  type RedirectFixture,
  type RedirectLoad,
  untilSent,
  visitAll,
} from './redirect-fixture.ts'
import { type Check, formatNumber, type Report, ratioOf, type Table } from './report.ts'
import type { ServiceProcess } from './service-process.ts'
import { type BenchContext, cpuTable, openStage } from './stage.ts'

const linksDefault = 10_000
const warmUpSeconds = 2
/** V8 compiles what is hot, and compiles it anew, over the first hundred thousand requests. */
const firstWarmUpSeconds = 8
const warmUp = 'warm-up'
const hot = 'hot link'
/** Each measurement is cut into turns, so that a busy moment of the machine meets every server. */
const turns = 2
const openConnections = 256
/** What a generator may add of its own before its numbers say something about the server. */
const generatorMsP999Max = 10
const target = { ratio: 0.75, latencyMsP999: 20, residentMb: 200 } as const

interface Measured {
  readonly workload: string
  readonly server: ServiceProcess
  answered: number
  failed: number
  seconds: number
  cpuSeconds: number
}

export async function benchRedirect(context: BenchContext): Promise<Report> {
  const { part } = context.options
  if (part === undefined) return await benchCapacityAndLatency(context)
  if (part !== 'faults') throw new BenchUsageError('--part is faults.')
  return await benchRedirectFaults(context)
}

async function benchCapacityAndLatency(context: BenchContext): Promise<Report> {
  const { options, say } = context
  await using stage = await openStage(context, { which: ['postgres', 'redis', 'kafka'], replicas: 1 })
  const fixture = await openRedirectFixture(stage, options.links ?? linksDefault)
  const load = await chooseLoad(fixture)
  const { servers, redirect, paths } = fixture
  const meter = startCpuMeter(stage.groups([...servers, fixture.shortener]))

  const capacity = await measureCapacity(fixture, load)
  const random = capacity.filter(({ workload }) => workload !== hot && workload !== warmUp)
  const ours = random.find(({ server }) => server === redirect) as Measured
  const rate = options.ratePerSecond ?? Math.max(1, Math.floor(ours.answered / ours.seconds / 2))
  const latencies: { server: ServiceProcess; load: OpenLoad }[] = []
  for (const server of [servers[0] as ServiceProcess, redirect]) {
    say(`${server.name}: latency at ${formatNumber(rate)} requests/s for ${options.seconds} s`)
    latencies.push({ server, load: await runOpen(fixture, server, rate) })
  }
  await untilSent(fixture)
  const cpu = meter.read()
  const answeredMeasured = answeredBy(redirect, capacity, latencies)
  say('filling memory')
  const full = await fillMemory(fixture)
  capacity.push({ workload: warmUp, server: redirect, ...full.visits })
  const answered = answeredBy(redirect, capacity, latencies)
  const memory = memoryOf(redirect.pid)
  say('reading the clicks back from Kafka')
  const checks = [
    ...(await checkClicks(fixture, answered, capacity, latencies)),
    {
      what: 'memory was full',
      passed: full.evictions > 0,
      found: `${formatNumber(full.evictions)} links evicted`,
    },
  ]
  const [bare, own] = latencies.map(({ load: one }) => one) as [OpenLoad, OpenLoad]
  return {
    bench: 'redirect',
    notes: [
      ...stage.notes,
      load.sentence,
      `${formatNumber(paths.length)} links; ${turns} turns of each server; redirect's cost includes sending every click to Kafka.`,
      `Memory full: ${formatNumber(full.links)} links in ${(full.bytes / 2 ** 20).toFixed(1)} MiB by its own count; RSS then ${formatNumber(memory.residentBytes / 1e6)} MB, ${formatNumber(memory.residentFileBytes / 1e6)} of them Node's program, which all processes share.`,
      `Latency by an open model over ${openConnections} connections, from the moment each request was due.`,
      proofOf(bare),
    ],
    tables: [
      capacityTable(capacity),
      latencyTable(latencies, rate),
      cpuTable(cpu, { name: 'redirect', count: answeredMeasured }),
    ],
    checks,
    targets: [
      {
        what: 'requests per CPU second, part of bare node:http, at random',
        atLeast: target.ratio,
        measured: ratioToBare(ours, random) ?? 0,
      },
      {
        what: `redirect p99.9 in ms at ${formatNumber(rate)}/s`,
        atMost: target.latencyMsP999,
        measured: own.latency.p999Ms,
      },
      {
        what: 'redirect RSS in MB with its memory full, the peak of the whole run',
        atMost: target.residentMb,
        measured: memory.residentPeakBytes / 1e6,
      },
    ],
  }
}

/** Whether the generator's latencies on the bare server are good enough to say something of redirect. */
function proofOf({ failed, latency: { p999Ms } }: OpenLoad): string {
  return failed === 0 && p999Ms <= generatorMsP999Max
    ? `The generator is good enough: ${p999Ms.toFixed(1)} ms at p99.9 on the bare server.`
    : `The generator did not prove itself: p99.9 on the bare server was ${p999Ms.toFixed(1)} ms, ${failed} failed. Latencies below say little of redirect.`
}

/** Every request that redirect answered with a 302, warming up included: each is a click. */
function answeredBy(
  redirect: ServiceProcess,
  capacity: readonly Measured[],
  latencies: readonly { server: ServiceProcess; load: OpenLoad }[],
): number {
  const closed = capacity
    .filter(({ server }) => server === redirect)
    .reduce((sum, one) => sum + one.answered, 0)
  const open = latencies
    .filter(({ server }) => server === redirect)
    .reduce((sum, one) => sum + one.load.answered, 0)
  return closed + open
}

async function measureCapacity(fixture: RedirectFixture, load: RedirectLoad): Promise<Measured[]> {
  const { stage, servers, paths } = fixture
  const { options, say } = stage
  const seconds = Math.max(1, Math.round(options.seconds / turns))
  const measured: Measured[] = []
  const empty = { answered: 0, failed: 0, seconds: 0, cpuSeconds: 0 }
  for (const server of servers) {
    say(`warming up ${server.name}`)
    measured.push({ workload: warmUp, server, ...(await visitAll(fixture, server, paths)) })
    measured.push({ workload: warmUp, server, ...(await load.run(server, paths, firstWarmUpSeconds)) })
  }
  for (const [workload, chosen] of [
    [hot, paths.slice(0, 1)],
    [`${formatNumber(paths.length)} at random`, paths],
  ] as const) {
    const rows = servers.map((server): Measured => ({ workload, server, ...empty }))
    for (let turn = 1; turn <= turns; turn++) {
      for (const row of rows) {
        // Nobody starts cold: while the others had their turns, copies in memory passed their ten seconds.
        if (workload !== hot)
          measured.push({
            workload: warmUp,
            server: row.server,
            ...(await load.run(row.server, chosen, warmUpSeconds)),
          })
        say(`${row.server.name}, ${workload}, turn ${turn} of ${turns}: ${seconds} s`)
        const slice = await load.run(row.server, chosen, seconds)
        row.answered += slice.answered
        row.failed += slice.failed
        row.seconds += slice.seconds
        row.cpuSeconds += slice.cpuSeconds
      }
    }
    measured.push(...rows)
  }
  return measured
}

async function runOpen(fixture: RedirectFixture, server: ServiceProcess, rate: number): Promise<OpenLoad> {
  const { options, signal } = fixture.stage
  return await runOpenLoad({
    port: server.port,
    connections: openConnections,
    ratePerSecond: rate,
    seconds: options.seconds,
    status: 302,
    nextRequest: randomGets(fixture.paths),
    signal,
  })
}

async function checkClicks(
  fixture: RedirectFixture,
  answered: number,
  capacity: readonly Measured[],
  latencies: readonly { server: ServiceProcess; load: OpenLoad }[],
): Promise<Check[]> {
  const { redirect, stage, clicksTopic } = fixture
  const page = await readMetricsPage(redirect.adminUrl)
  const recorded = sumOf(page, 'redirect_clicks_recorded_total', { kind: 'click' })
  const inKafka = await countClicks(stage.engines.kafka, clicksTopic)
  const runs = capacity.filter(({ server }) => server === redirect).length + turns
  // A closed load ends with a request open on each connection: answered perhaps, but by nobody heard.
  const attempted =
    answered + runs * stage.options.connections + latencies.reduce((sum, { load }) => sum + load.failed, 0)
  const failed =
    capacity.reduce((sum, one) => sum + one.failed, 0) +
    latencies.reduce((sum, { load }) => sum + load.failed, 0)
  return [
    {
      what: 'acknowledged ≤ clicks in Kafka ≤ attempted',
      passed: answered <= inKafka && inKafka <= attempted,
      found: `${formatNumber(answered)} ≤ ${formatNumber(inKafka)} ≤ ${formatNumber(attempted)}`,
    },
    {
      what: 'every click redirect recorded is in Kafka, once',
      passed: recorded === inKafka,
      found: `${formatNumber(recorded)} recorded, ${formatNumber(inKafka)} in Kafka`,
    },
    { what: 'no request failed', passed: failed === 0, found: `${formatNumber(failed)} failed` },
  ]
}

const perCpuSecond = (one: Measured) => ratioOf(one.answered, one.cpuSeconds)

function ratioToBare(one: Measured, all: readonly Measured[]): number | undefined {
  const bare = all.find(({ server, workload }) => server.name === 'bare-http' && workload === one.workload)
  return bare === undefined ? undefined : ratioOf(perCpuSecond(one) ?? 0, perCpuSecond(bare) ?? 0)
}

function capacityTable(capacity: readonly Measured[]): Table {
  return {
    title: 'Capacity, each server in turn on the same core',
    columns: [
      { key: 'workload', title: 'requests' },
      { key: 'server', title: 'server' },
      { key: 'perSecond', title: 'requests/s' },
      { key: 'perCpuSecond', title: 'per CPU s' },
      { key: 'ratio', title: 'of bare-http', digits: 3 },
      { key: 'cpuSeconds', title: 'CPU s', digits: 2 },
      { key: 'rssMb', title: 'peak RSS MB' },
    ],
    rows: capacity
      .filter(({ workload }) => workload !== warmUp)
      .map((one) => ({
        workload: one.workload,
        server: one.server.name,
        perSecond: one.answered / one.seconds,
        perCpuSecond: perCpuSecond(one),
        ratio: ratioToBare(one, capacity),
        cpuSeconds: one.cpuSeconds,
        rssMb: memoryOf(one.server.pid).residentPeakBytes / 1e6,
      })),
  }
}

function latencyTable(latencies: readonly { server: ServiceProcess; load: OpenLoad }[], rate: number): Table {
  return {
    title: `Latency at ${formatNumber(rate)} requests/s at random, in ms`,
    columns: [
      { key: 'server', title: 'server' },
      { key: 'answered', title: 'answered' },
      { key: 'failed', title: 'failed' },
      { key: 'p50Ms', title: 'p50', digits: 2 },
      { key: 'p99Ms', title: 'p99', digits: 2 },
      { key: 'p999Ms', title: 'p99.9', digits: 2 },
      { key: 'maxMs', title: 'max', digits: 1 },
    ],
    rows: latencies.map(({ server, load }) => ({
      server: server.name,
      answered: load.answered,
      failed: load.failed,
      ...load.latency,
    })),
  }
}
