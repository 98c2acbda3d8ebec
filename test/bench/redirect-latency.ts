/**
 * Latency of redirects by an open model, in turns with the bare server, which shows what of it is the generator's and the
 * machine's own. On two cores the generator shares one with all engines: those get a lower priority, or it would wait for
 * them and take its waiting for redirect's.
 */
import { randomGets } from './http-connections.ts'
import { createLatencyRecorder, type LatencyRecorder, type Percentiles } from './latency.ts'
import { runOpenLoad } from './open-load.ts'
import { yieldToOthers } from './priority.ts'
import { stolenSeconds } from './process-times.ts'
import type { RedirectFixture } from './redirect-fixture.ts'
import { formatNumber, medianOf, type Table } from './report.ts'
import type { ServiceProcess } from './service-process.ts'

const turns = 8
/** Of a turn, in parts of `--seconds`. */
const turnPart = 1 / 4
/** Of a turn, before its latencies count: that many connections at once are opened by no balancer. */
const settleSeconds = 0.5
/**
 * For each server before the first turn: V8 compiles the generator while it works, and a bare server that is asked by one that
 * is not yet compiled is answered "late" by 60 ms at p99.9 where it has 3 to 6 ms some seconds later.
 */
const warmUpSeconds = 6
const openConnections = 256
/** What a generator may show on the bare server before its numbers say something of redirect. */
const bareMsP999Max = 20

export interface ServerLatency {
  readonly server: ServiceProcess
  readonly answered: number
  readonly failed: number
  readonly latency: Percentiles
  /** The median of the turns' p99.9: one pause of the whole machine spoils one turn. */
  readonly medianMsP999: number
  /** Of each second, what the host took from all cores meanwhile. */
  readonly stolenMsPerSecond: number
}

interface Turns {
  readonly server: ServiceProcess
  readonly all: LatencyRecorder
  readonly eachMsP999: number[]
  answered: number
  failed: number
  stolenSeconds: number
  elapsedSeconds: number
}

export async function measureLatencies(fixture: RedirectFixture, rate: number): Promise<ServerLatency[]> {
  const { stage, servers, redirect, paths } = fixture
  const { options, say, signal } = stage
  await yieldToOthers(stage.engines.groups)
  const nextRequest = randomGets(paths)
  const rows = [servers[0] as ServiceProcess, redirect].map(
    (server): Turns => ({
      server,
      all: createLatencyRecorder(),
      eachMsP999: [],
      answered: 0,
      failed: 0,
      stolenSeconds: 0,
      elapsedSeconds: 0,
    }),
  )
  const load = async (row: Turns, seconds: number, latency: LatencyRecorder, unmeasuredSeconds: number) => {
    const { answered, failed } = await runOpenLoad({
      port: row.server.port,
      connections: openConnections,
      ratePerSecond: rate,
      seconds: seconds + unmeasuredSeconds,
      settleSeconds: unmeasuredSeconds,
      status: 302,
      latency,
      nextRequest,
      signal,
    })
    row.answered += answered
    row.failed += failed
  }
  const seconds = options.seconds * turnPart
  say(`latency at ${formatNumber(rate)} requests/s: ${warmUpSeconds} s for each server to warm up`)
  for (const row of rows) await load(row, 0, row.all, warmUpSeconds)
  for (let turn = 1; turn <= turns; turn++) {
    say(`latency at ${formatNumber(rate)} requests/s, turn ${turn} of ${turns}: ${seconds} s for each server`)
    for (const row of rows) {
      const own = createLatencyRecorder()
      const latency = {
        ...own,
        record(milliseconds: number) {
          own.record(milliseconds)
          row.all.record(milliseconds)
        },
      }
      const stolenBefore = stolenSeconds()
      const beginMs = performance.now()
      await load(row, seconds, latency, settleSeconds)
      row.stolenSeconds += stolenSeconds() - stolenBefore
      row.elapsedSeconds += (performance.now() - beginMs) / 1_000
      row.eachMsP999.push(own.percentiles().p999Ms)
    }
  }
  return rows.map(({ server, all, eachMsP999, answered, failed, ...row }) => ({
    server,
    answered,
    failed,
    latency: all.percentiles(),
    medianMsP999: medianOf(eachMsP999) ?? 0,
    stolenMsPerSecond: (row.stolenSeconds * 1_000) / row.elapsedSeconds,
  }))
}

/** How it was measured, and whether the generator's latencies on the bare server are good enough to say something. */
export function latencyNotes([bare]: readonly ServerLatency[]): string[] {
  const { p999Ms } = bare!.latency
  return [
    `Latency by an open model over ${openConnections} connections, from the moment each request was due, without the first ${settleSeconds} s of each turn and ${warmUpSeconds} s to warm up before; engines yield to the generator.`,
    bare!.failed === 0 && p999Ms <= bareMsP999Max
      ? `The generator is good enough: ${p999Ms.toFixed(1)} ms at p99.9 on the bare server.`
      : `The generator did not prove itself: p99.9 on the bare server was ${p999Ms.toFixed(1)} ms, ${bare!.failed} failed. Latencies say little of redirect.`,
  ]
}

export function latencyTable(latencies: readonly ServerLatency[], rate: number): Table {
  return {
    title: `Latency at ${formatNumber(rate)} requests/s at random, in ms, ${turns} turns`,
    columns: [
      { key: 'server', title: 'server' },
      { key: 'answered', title: 'answered' },
      { key: 'failed', title: 'failed' },
      { key: 'p50Ms', title: 'p50', digits: 2 },
      { key: 'p99Ms', title: 'p99', digits: 2 },
      { key: 'p999Ms', title: 'p99.9', digits: 2 },
      { key: 'medianMsP999', title: 'median of turns', digits: 2 },
      { key: 'maxMs', title: 'max', digits: 1 },
      { key: 'stolenMsPerSecond', title: 'host took ms/s', digits: 1 },
    ],
    rows: latencies.map(({ server, answered, failed, latency, medianMsP999, stolenMsPerSecond }) => ({
      server: server.name,
      answered,
      failed,
      medianMsP999,
      stolenMsPerSecond,
      ...latency,
    })),
  }
}
