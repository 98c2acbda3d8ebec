/**
 * More than can be answered: redirect is asked for as much as it can answer, one and a half times and twice as much, by an open model, on
 * a core that busy neighbours slow down, since one generator could not overtax a whole one. What is accepted must be
 * answered in time all the same, and about as much of it as without the excess.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { runClosedLoad } from './closed-load.ts'
import type { Cores } from './cores.ts'
import { randomGets } from './http-connections.ts'
import { type OpenLoad, runOpenLoad } from './open-load.ts'
import { openRedirectFixture, type RedirectFixture, untilSent, visitAll } from './redirect-fixture.ts'
import { formatNumber, type Report, type Table } from './report.ts'
import type { ServiceProcess } from './service-process.ts'
import { type BenchContext, openStage } from './stage.ts'

const linksDefault = 1_000
const neighbours = 2
const shares = [0.5, 1, 1.5, 2] as const
/** More than can wait in the time that is allowed: nobody waits for a connection instead. */
const openConnections = 3_000
const warmUpSeconds = 5
/** Overload is a queue that stays: it takes a moment to know one. */
const settleSeconds = 2
const target = { latencyMsP999: 200, servedPart: 0.7 } as const

interface Step {
  readonly share: number
  readonly ratePerSecond: number
  readonly seconds: number
  readonly load: OpenLoad
}

export async function benchOverload(context: BenchContext): Promise<Report> {
  const { options, say } = context
  await using stage = await openStage(context, { which: ['postgres', 'redis', 'kafka'], replicas: 1 })
  const fixture = await openRedirectFixture(stage, options.links ?? linksDefault, 0)
  const { redirect, paths, servers } = fixture
  await using slow = startNeighbours(stage.cores, neighbours)
  say('warming up')
  await visitAll(fixture, redirect, paths)
  await closedLoad(fixture, redirect, warmUpSeconds)
  say(`what redirect can answer: ${options.seconds} s`)
  const closed = await closedLoad(fixture, redirect, options.seconds)
  const capacity = Math.floor(closed.answered / closed.seconds)
  const steps: Step[] = []
  for (const share of shares) {
    const ratePerSecond = Math.max(1, Math.floor(capacity * share))
    say(`${share} times as much: ${formatNumber(ratePerSecond)} requests/s for ${options.seconds} s`)
    const load = await openLoad(fixture, redirect, ratePerSecond)
    steps.push({ share, ratePerSecond, seconds: options.seconds, load })
    await untilSent(fixture)
  }
  await slow[Symbol.asyncDispose]()
  const twice = steps.find(({ share }) => share === 2) as Step
  say('the generator on the bare server, without neighbours, at twice the rate')
  const bare = await openLoad(fixture, servers[0] as ServiceProcess, twice.ratePerSecond)
  const failed = steps.reduce((sum, { load }) => sum + load.failed, 0)
  return {
    bench: 'overload',
    notes: [
      ...stage.notes,
      `Redirect shares its core with ${neighbours} processes that are always busy; with them it answers ${formatNumber(capacity)} requests/s.`,
      `Latency by an open model over ${openConnections} connections, from the moment each request was due, without the first ${settleSeconds} s. At the rate of twice as much the bare server, without neighbours, has p99.9 ${bare.latency.p999Ms.toFixed(1)} ms by the same generator, ${bare.failed} failed.`,
    ],
    tables: [stepsTable(steps)],
    checks: [
      {
        what: 'every request was answered or refused',
        passed: failed === 0,
        found: `${formatNumber(failed)} were not`,
      },
      {
        what: 'twice as much is refused in part',
        passed: twice.load.refused > 0,
        found: `${formatNumber(twice.load.refused)} refused`,
      },
    ],
    targets: [
      {
        what: 'p99.9 in ms of what is served at twice as much',
        atMost: target.latencyMsP999,
        measured: twice.load.latency.p999Ms,
      },
      {
        what: 'served at twice as much, part of what can be answered',
        atLeast: target.servedPart,
        measured: twice.load.answered / twice.seconds / capacity,
      },
    ],
  }
}

function stepsTable(steps: readonly Step[]): Table {
  return {
    title: 'Redirects, by times of what can be answered; latencies in ms',
    columns: [
      { key: 'share', title: 'times', digits: 1 },
      { key: 'rate', title: 'asked/s' },
      { key: 'served', title: 'served/s' },
      { key: 'refused', title: 'refused/s' },
      { key: 'p50', title: 'served p50', digits: 1 },
      { key: 'p99', title: 'p99', digits: 1 },
      { key: 'p999', title: 'p99.9', digits: 1 },
      { key: 'max', title: 'max', digits: 1 },
      { key: 'refusedP50', title: 'refused p50', digits: 1 },
      { key: 'refusedP99', title: 'p99', digits: 1 },
    ],
    rows: steps.map(({ share, ratePerSecond, seconds, load }) => ({
      share,
      rate: ratePerSecond,
      served: load.answered / seconds,
      refused: load.refused / seconds,
      p50: load.latency.p50Ms,
      p99: load.latency.p99Ms,
      p999: load.latency.p999Ms,
      max: load.latency.maxMs,
      refusedP50: load.refused === 0 ? undefined : load.refusalLatency.p50Ms,
      refusedP99: load.refused === 0 ? undefined : load.refusalLatency.p99Ms,
    })),
  }
}

function closedLoad(fixture: RedirectFixture, server: ServiceProcess, seconds: number) {
  const { options, signal } = fixture.stage
  const nextRequest = randomGets(fixture.paths)
  return runClosedLoad({
    port: server.port,
    connections: options.connections,
    seconds,
    status: 302,
    nextRequest,
    signal,
  })
}

function openLoad(fixture: RedirectFixture, server: ServiceProcess, ratePerSecond: number) {
  const { options, signal } = fixture.stage
  return runOpenLoad({
    port: server.port,
    connections: openConnections,
    ratePerSecond,
    seconds: options.seconds,
    status: 302,
    refusedStatus: 503,
    settleSeconds,
    nextRequest: randomGets(fixture.paths),
    signal,
  })
}

/** Processes that want all of the measured core, and end when their input does. */
function startNeighbours(cores: Cores, count: number): AsyncDisposable {
  const program =
    "process.stdin.on('close', () => process.exit()).resume(); (function spin() { const untilMs = Date.now() + 5; while (Date.now() < untilMs); setImmediate(spin) })()"
  const [command, ...args] = cores.commandOn('measured', process.execPath, ['--eval', program])
  const children = Array.from({ length: count }, () =>
    spawn(command, args, { stdio: ['pipe', 'ignore', 'ignore'] }),
  )
  return {
    async [Symbol.asyncDispose]() {
      await Promise.all(
        children.map(async (child) => {
          if (child.exitCode !== null || child.signalCode !== null) return
          const ended = once(child, 'exit')
          child.kill('SIGKILL')
          await ended
        }),
      )
    },
  }
}
