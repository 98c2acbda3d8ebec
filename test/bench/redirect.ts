/**
 * Redirects beside a bare server that answers the same: in one run, on the same core in turn, so that what the
 * machine does meanwhile weighs on both. What counts is the ratio of requests per CPU second, of all threads.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { countClicks } from './click-topic.ts'
import { readMetricsPage, sumOf } from './metrics-page.ts'
import { BenchUsageError } from './options.ts'
import { type CpuMeter, type Memory, memoryOf, startCpuMeter } from './process-times.ts'
import {
  type Capacity,
  capacityTable,
  joinStarts,
  measureCapacities,
  perSecond,
  ratioToBare,
  slicesOf,
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
/** Of all servers, for their capacity; what comes after it is measured on the last. */
const starts = 3
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
  /** CPU seconds of each group of processes, until memory is filled. */
  readonly cpuSeconds: Map<string, number>
  /** Clicks that redirect recorded in the starts that are over. */
  recordedBefore: number
}

export async function benchRedirect(context: BenchContext): Promise<Report> {
  const { part } = context.options
  if (part !== undefined && !(parts as readonly string[]).includes(part)) {
    throw new BenchUsageError(`--part is one of ${parts.join(', ')}.`)
  }
  if (part === 'faults') return await benchRedirectFaults(context)
  const isWanted = (one: Part) => part === undefined || part === one
  await using stage = await openStage(context, { which: ['postgres', 'redis', 'kafka'], replicas: 1 })
  const first = await openRedirectFixture(
    stage,
    stage.options.links ?? linksDefault,
    isWanted('memory') ? undefined : 0,
  )
  const load = await chooseLoad(stage)
  const found: Found = {
    tables: [],
    notes: [load.sentence],
    targets: [],
    checks: [],
    answered: [],
    cpuSeconds: new Map(),
    recordedBefore: 0,
  }
  const { fixture, meter, ratePerSecond } = isWanted('capacity')
    ? await addCapacity(first, load, found)
    : await quickCapacity(first, load, found)
  if (isWanted('latency')) {
    await addLatency(
      fixture,
      stage.options.ratePerSecond ?? Math.max(1, Math.floor(ratePerSecond / 2)),
      found,
    )
  }
  await untilSent(fixture)
  addCpuSeconds(found, meter)
  found.tables.push(
    cpuTable(found.cpuSeconds, { name: 'redirect', count: sumOfSlices(found.answered, 'answered') }),
  )
  if (isWanted('memory')) await addMemory(fixture, found)
  return {
    bench: part === undefined ? 'redirect' : `redirect, part ${part}`,
    notes: [...stage.notes, ...found.notes],
    tables: found.tables,
    checks: [...(await checkClicks(fixture, found)), await checkAlike(fixture), ...found.checks],
    targets: found.targets,
  }
}

/** The servers that run now. */
interface Current {
  readonly fixture: RedirectFixture
  readonly meter: CpuMeter
  /** How many a second redirect answered at random, in all starts. */
  readonly ratePerSecond: number
}

const meterOf = ({ stage, servers, shortener }: RedirectFixture) =>
  startCpuMeter(stage.groups([...servers, shortener]))

function addCpuSeconds({ cpuSeconds }: Found, meter: CpuMeter): void {
  for (const [name, seconds] of meter.read()) cpuSeconds.set(name, (cpuSeconds.get(name) ?? 0) + seconds)
}

async function addCapacity(first: RedirectFixture, load: RedirectLoad, found: Found): Promise<Current> {
  const ofStarts: (readonly Capacity[])[] = []
  let fixture = first
  let meter = meterOf(fixture)
  for (let start = 1; start <= starts; start++) {
    if (start > 1) {
      addCpuSeconds(found, meter)
      found.recordedBefore += await clicksRecorded(fixture)
      fixture = await fixture.restart()
      meter = meterOf(fixture)
    }
    const { measured, warmUps } = await measureCapacities(fixture, load, start, starts)
    ofStarts.push(measured)
    found.answered.push(...warmUps, ...measured.filter(isOurs).flatMap(slicesOf))
  }
  const all = joinStarts(ofStarts)
  const failedElsewhere = sumOfSlices(all.filter((one) => !isOurs(one)).flatMap(slicesOf), 'failed')
  const random = all.filter(isOurs).at(-1) as Capacity
  found.tables.push(capacityTable(all))
  found.notes.push(
    `${formatNumber(fixture.paths.length)} links; redirect's cost includes sending every click to Kafka; ratios are the median of those of the turns.`,
  )
  found.checks.push({
    what: 'no request of another server failed',
    passed: failedElsewhere === 0,
    found: `${formatNumber(failedElsewhere)} failed`,
  })
  found.targets.push({
    what: 'requests per CPU second, part of bare node:http, at random',
    atLeast: target.ratio,
    measured: ratioToBare(random, all)?.median ?? 0,
  })
  return { fixture, meter, ratePerSecond: perSecond(random) }
}

const isOurs = ({ server }: Capacity) => server === 'redirect'

async function quickCapacity(fixture: RedirectFixture, load: RedirectLoad, found: Found): Promise<Current> {
  const { servers, redirect } = fixture
  const meter = meterOf(fixture)
  const warmUps = await warmUp(fixture, load, [servers[0]!, redirect])
  const slice = await load.run(fixture, redirect, fixture.paths, capacitySeconds)
  found.answered.push(...warmUps, slice)
  return { fixture, meter, ratePerSecond: slice.answered / slice.seconds }
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
    what: 'redirect RSS in MB with its memory full, the peak since its start',
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

const clicksRecorded = async ({ redirect }: RedirectFixture) =>
  sumOf(await readMetricsPage(redirect.adminUrl), 'redirect_clicks_recorded_total', { kind: 'click' })

async function checkClicks(
  fixture: RedirectFixture,
  { answered: runs, recordedBefore }: Found,
): Promise<Check[]> {
  const { stage, clicksTopic } = fixture
  stage.say('reading the clicks back from Kafka')
  const recorded = recordedBefore + (await clicksRecorded(fixture))
  const inKafka = await countClicks(stage.engines.kafka, clicksTopic, stage.signal)
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

/** A header that a bare server leaves out would count as a cost of redirect. Asked for by HEAD, which is no click. */
async function checkAlike({ servers, paths }: RedirectFixture): Promise<Check> {
  const answerOf = async (url: string) => {
    const signal = AbortSignal.timeout(5_000)
    const answer = await fetch(`${url}${paths[0]}`, { method: 'HEAD', redirect: 'manual', signal })
    const headers = [...answer.headers].map(([name, value]) => (name === 'date' ? name : `${name}: ${value}`))
    return `${answer.status} ${headers.join(', ')}`
  }
  const answers = await Promise.all(servers.map(({ url }) => answerOf(url).catch(String)))
  const different = new Set(answers)
  return {
    what: 'all servers answer alike',
    passed: different.size === 1,
    found: [...different].join(' | '),
  }
}
