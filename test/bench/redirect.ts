/**
 * Redirects beside a bare server that answers the same: in one run, on the same core in turn, so that what the
 * machine does meanwhile weighs on both. What counts is the ratio of requests per CPU second, of all threads.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { countClicks } from './click-topic.ts'
import { readMetricsPage, sumOf } from './metrics-page.ts'
import { BenchUsageError } from './options.ts'
import { type Memory, memoryOf, startCpuMeter } from './process-times.ts'
import {
  type Capacity,
  capacityTable,
  measureCapacities,
  perSecond,
  ratioToBare,
  sumOf as sumOfSlices,
  warmUp,
} from './redirect-capacity.ts'
import { benchRedirectFaults } from './redirect-faults.ts'
import {
  chooseLoad,
  type FullMemory,
  fillMemory,
  openRedirectFixture,
  type RedirectFixture,
  type RedirectLoad,
  type Slice,
  untilSent,
} from './redirect-fixture.ts'
import { latencyNotes, latencyTable, measureLatencies, type ServerLatency } from './redirect-latency.ts'
import { type Check, formatNumber, type Report, type Table, type Target } from './report.ts'
import { type BenchContext, cpuTable, openStage } from './stage.ts'

const linksDefault = 10_000
/** Where only latency is wanted, capacity is looked at for so long. */
const capacitySeconds = 3
/** Garbage that is left of a load is collected, and pages of it given back, some seconds after it. */
const calmSeconds = 10
const target = { ratio: 0.75, latencyMsP999: 20, residentMb: 200 } as const
const parts = ['capacity', 'latency', 'memory', 'faults'] as const
type Part = (typeof parts)[number]

/** What was found, each by the part it belongs to. */
interface Found {
  readonly tables: Table[]
  readonly notes: string[]
  readonly targets: Target[]
  readonly checks: Check[]
  /** All that redirect answered. */
  readonly answered: Slice[]
}

export async function benchRedirect(context: BenchContext): Promise<Report> {
  const { part } = context.options
  if (part !== undefined && !(parts as readonly string[]).includes(part)) {
    throw new BenchUsageError(`--part is one of ${parts.join(', ')}.`)
  }
  if (part === 'faults') return await benchRedirectFaults(context)
  const isWanted = (one: Part) => part === undefined || part === one
  await using stage = await openStage(context, { which: ['postgres', 'redis', 'kafka'], replicas: 1 })
  const fixture = await openRedirectFixture(
    stage,
    stage.options.links ?? linksDefault,
    isWanted('memory') ? undefined : 0,
  )
  const load = await chooseLoad(fixture)
  const found: Found = { tables: [], notes: [], targets: [], checks: [], answered: [] }
  const meter = startCpuMeter(stage.groups([...fixture.servers, fixture.shortener]))
  const rate = isWanted('capacity')
    ? await addCapacity(fixture, load, found)
    : await quickCapacity(fixture, load, found)
  if (isWanted('latency')) {
    await addLatency(fixture, stage.options.ratePerSecond ?? Math.max(1, Math.floor(rate / 2)), found)
  }
  await untilSent(fixture)
  found.tables.push(
    cpuTable(meter.read(), { name: 'redirect', count: sumOfSlices(found.answered, 'answered') }),
  )
  if (isWanted('memory')) await addMemory(fixture, found)
  return {
    bench: part === undefined ? 'redirect' : `redirect, part ${part}`,
    notes: [...stage.notes, load.sentence, ...found.notes],
    tables: found.tables,
    checks: [...(await checkClicks(fixture, found.answered)), ...found.checks],
    targets: found.targets,
  }
}

/** Gives back how many a second redirect answers at random. */
async function addCapacity(fixture: RedirectFixture, load: RedirectLoad, found: Found): Promise<number> {
  const { measured, warmUps } = await measureCapacities(fixture, load)
  const ours = measured.filter(({ server }) => server === fixture.redirect)
  found.answered.push(...warmUps, ...ours.flatMap(({ slices }) => slices))
  found.tables.push(capacityTable(measured))
  found.notes.push(
    `${formatNumber(fixture.paths.length)} links; redirect's cost includes sending every click to Kafka; ratios are the median of those of the turns.`,
  )
  found.checks.push({
    what: 'no request of another server failed',
    passed: measured.every(({ slices }) => sumOfSlices(slices, 'failed') === 0),
    found: `${formatNumber(
      sumOfSlices(
        measured.flatMap(({ slices }) => slices),
        'failed',
      ),
    )} failed`,
  })
  const random = ours.at(-1) as Capacity
  found.targets.push({
    what: 'requests per CPU second, part of bare node:http, at random',
    atLeast: target.ratio,
    measured: ratioToBare(random, measured)[0] ?? 0,
  })
  return perSecond(random)
}

async function quickCapacity(fixture: RedirectFixture, load: RedirectLoad, found: Found): Promise<number> {
  const { servers, redirect } = fixture
  const warmUps = await warmUp(fixture, load, [servers[0]!, redirect])
  const slice = await load.run(fixture.redirect, fixture.paths, capacitySeconds)
  found.answered.push(...warmUps, slice)
  return slice.answered / slice.seconds
}

async function addLatency(fixture: RedirectFixture, rate: number, found: Found): Promise<void> {
  const latencies = await measureLatencies(fixture, rate)
  const [bare, own] = latencies as [ServerLatency, ServerLatency]
  found.answered.push({ answered: own.answered, failed: own.failed, seconds: 0, cpuSeconds: 0 })
  found.tables.push(latencyTable(latencies, rate))
  found.notes.push(...latencyNotes(latencies))
  found.targets.push({
    what: `redirect p99.9 in ms at ${formatNumber(rate)}/s, where bare has ${formatNumber(bare.latency.p999Ms, 1)}`,
    atMost: target.latencyMsP999,
    measured: own.latency.p999Ms,
  })
}

async function addMemory(fixture: RedirectFixture, found: Found): Promise<void> {
  const { stage, redirect } = fixture
  const moments: { what: string; memory: Memory }[] = []
  const look = (what: string) => moments.push({ what, memory: memoryOf(redirect.pid) })
  look('after the load')
  stage.say('filling memory')
  const full = await fillMemory(fixture)
  found.answered.push(full.visits)
  look('when it is full')
  stage.say(`${calmSeconds} s without requests`)
  await delay(calmSeconds * 1_000, undefined, { signal: stage.signal })
  look('calm')
  found.tables.push(memoryTable(moments))
  found.notes.push(
    `Memory full: ${formatNumber(full.links)} links in ${(full.bytes / 2 ** 20).toFixed(1)} MiB by its own count. Of what is resident, pages of Node's program are shared by all its processes.`,
  )
  found.checks.push(wasFull(full))
  found.targets.push({
    what: 'redirect RSS in MB with its memory full, the peak of the whole run',
    atMost: target.residentMb,
    measured: moments.at(-1)!.memory.residentPeakBytes / 1e6,
  })
}

const wasFull = ({ evictions }: FullMemory): Check => ({
  what: 'memory was full',
  passed: evictions > 0,
  found: `${formatNumber(evictions)} links evicted`,
})

function memoryTable(moments: readonly { what: string; memory: Memory }[]): Table {
  return {
    title: 'Memory of redirect, in MB',
    columns: [
      { key: 'what', title: 'moment' },
      { key: 'resident', title: 'RSS', digits: 1 },
      { key: 'program', title: "of it Node's program", digits: 1 },
      { key: 'own', title: 'its own', digits: 1 },
      { key: 'peak', title: 'peak so far', digits: 1 },
    ],
    rows: moments.map(({ what, memory }) => ({
      what,
      resident: memory.residentBytes / 1e6,
      program: memory.residentFileBytes / 1e6,
      own: (memory.residentBytes - memory.residentFileBytes) / 1e6,
      peak: memory.residentPeakBytes / 1e6,
    })),
  }
}

async function checkClicks(fixture: RedirectFixture, runs: readonly Slice[]): Promise<Check[]> {
  const { redirect, stage, clicksTopic } = fixture
  stage.say('reading the clicks back from Kafka')
  const page = await readMetricsPage(redirect.adminUrl)
  const recorded = sumOf(page, 'redirect_clicks_recorded_total', { kind: 'click' })
  const inKafka = await countClicks(stage.engines.kafka, clicksTopic)
  const answered = sumOfSlices(runs, 'answered')
  const failed = sumOfSlices(runs, 'failed')
  // A closed load ends with a request open on each connection: answered perhaps, but by nobody heard.
  const attempted = answered + failed + runs.length * stage.options.connections
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
    {
      what: 'no request to redirect failed',
      passed: failed === 0,
      found: `${formatNumber(failed)} failed`,
    },
  ]
}
