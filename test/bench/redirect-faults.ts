/**
 * Redirects while what they lean on is killed under load: Redis, a replica, Kafka, each for good and on top of those
 * before it. Nobody may be refused, and nobody may wait for long.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { randomGets } from './http-connections.ts'
import { readMetricsPage, sumOf } from './metrics-page.ts'
import { type OpenLoad, runOpenLoad } from './open-load.ts'
import { chooseLoad, openRedirectFixture, type RedirectFixture, visitAll } from './redirect-fixture.ts'
import { type Check, formatNumber, type Report } from './report.ts'
import { type BenchContext, openStage } from './stage.ts'

const linksDefault = 10_000
const replicas = 2
const openConnections = 256
const capacitySeconds = 4
const latencyMsP999Max = 200

/** The engine of the stage that is killed; none in the first run, which the others are compared with. */
const faults = [
  { what: 'nothing', engine: undefined },
  { what: 'Redis', engine: 'redis' },
  { what: 'a replica', engine: 'pg-2' },
  { what: 'Kafka', engine: 'kafka-1' },
] as const

interface Survived {
  readonly what: string
  readonly load: OpenLoad
}

export async function benchRedirectFaults(context: BenchContext): Promise<Report> {
  const { options, say } = context
  await using stage = await openStage(context, { which: ['postgres', 'redis', 'kafka'], replicas })
  const fixture = await openRedirectFixture(stage, options.links ?? linksDefault, 0)
  const { servers, redirect, paths } = fixture
  let answered = (await visitAll(fixture, redirect, paths)).answered
  const load = await chooseLoad(stage)
  const capacity = await load.run(fixture, redirect, paths, capacitySeconds)
  answered += capacity.answered
  const rate = options.ratePerSecond ?? Math.max(1, Math.floor(capacity.answered / capacity.seconds / 2))
  say(`bare: ${formatNumber(rate)} requests/s for ${options.seconds} s`)
  const bare = await run(fixture, servers[0]!.port, rate, undefined)

  const survived: Survived[] = []
  for (const { what, engine } of faults) {
    say(`redirect: ${formatNumber(rate)} requests/s for ${options.seconds} s; half way ${what} is killed`)
    survived.push({ what, load: await run(fixture, redirect.port, rate, engine) })
  }
  answered += survived.reduce((sum, one) => sum + one.load.answered, 0)
  return {
    bench: 'redirect, part faults',
    notes: [
      ...stage.notes,
      load.sentence,
      `${formatNumber(paths.length)} links at random; half way through each run one more engine is killed with SIGKILL, and stays away.`,
      `Latency by an open model over ${openConnections} connections, from the moment each request was due.`,
    ],
    tables: [
      {
        title: `Latency at ${formatNumber(rate)} requests/s, in ms`,
        columns: [
          { key: 'killed', title: 'killed' },
          { key: 'answered', title: 'answered' },
          { key: 'failed', title: 'failed' },
          { key: 'p50Ms', title: 'p50', digits: 2 },
          { key: 'p99Ms', title: 'p99', digits: 2 },
          { key: 'p999Ms', title: 'p99.9', digits: 2 },
          { key: 'maxMs', title: 'max', digits: 1 },
        ],
        rows: [{ what: 'nothing (bare-http)', load: bare }, ...survived].map(({ what, load: one }) => ({
          killed: what,
          answered: one.answered,
          failed: one.failed,
          ...one.latency,
        })),
      },
    ],
    checks: [...survived.map(noneFailed), await allRecorded(fixture, answered)],
    targets: survived.slice(1).map(({ what, load: one }) => ({
      what: `redirect p99.9 in ms, ${what} killed`,
      atMost: latencyMsP999Max,
      measured: one.latency.p999Ms,
    })),
  }
}

async function run(
  { stage, paths }: RedirectFixture,
  port: number,
  ratePerSecond: number,
  engine: string | undefined,
): Promise<OpenLoad> {
  const { seconds } = stage.options
  const load = runOpenLoad({
    port,
    connections: openConnections,
    ratePerSecond,
    seconds,
    status: 302,
    nextRequest: randomGets(paths),
    signal: stage.signal,
  })
  const killed = delay(seconds * 500).then(() => kill(stage.engines.groups, engine))
  const [done] = await Promise.all([load, killed])
  return done
}

function kill(groups: RedirectFixture['stage']['engines']['groups'], engine: string | undefined): void {
  if (engine === undefined) return
  const group = groups.find(({ name }) => name === engine)
  if (group === undefined) throw new Error(`Engines that ran already are not killed: there is no ${engine}.`)
  for (const pid of group.pids) process.kill(pid, 'SIGKILL')
}

const noneFailed = ({ what, load }: Survived): Check => ({
  what: `no request failed, ${what} killed`,
  passed: load.failed === 0,
  found: `${formatNumber(load.failed)} of ${formatNumber(load.appointed)} failed`,
})

/** Without Kafka they wait on disk; that they get there in the end the other parts show. */
async function allRecorded({ redirect }: RedirectFixture, answered: number): Promise<Check> {
  const page = await readMetricsPage(redirect.adminUrl)
  const recorded = sumOf(page, 'redirect_clicks_recorded_total', { kind: 'click' })
  return {
    what: 'every click that was answered is recorded',
    passed: answered <= recorded,
    found: `${formatNumber(answered)} answered, ${formatNumber(recorded)} recorded`,
  }
}
