/** Codes over gRPC in batches of 100, from one id-generator on one core. */
import { IdGeneratorClient } from '@linkfleet/contracts/generated/linkfleet/ids/v1/ids'
import { openGrpcClient } from '@linkfleet/runtime/grpc-client'
import { createLatencyRecorder, type Percentiles } from './latency.ts'
import { tellMachineSpeed } from './machine-speed.ts'
import { memoryOf, startCpuMeter } from './process-times.ts'
import { formatNumber, type Report, ratioOf, type Table } from './report.ts'
import { type BenchContext, cpuTable, openStage } from './stage.ts'

const batchCodes = 100
const callsInFlight = 32
const warmUpSeconds = 1
/** A Set of strings holds no more than 2^24; by then a duplicate would long have shown. */
const comparedMax = 10_000_000
const targetCodesPerSecond = 150_000

export async function benchIds(context: BenchContext): Promise<Report> {
  const { say, signal, options } = context
  await using stage = await openStage(context, { which: ['postgres'], replicas: 0 })
  const machine = await tellMachineSpeed(stage)
  const database = await stage.engines.openDatabase()
  const generator = await stage.start({
    program: 'id-generator',
    core: 'measured',
    env: { DATABASE_URL: database.url },
  })
  using client = openGrpcClient(IdGeneratorClient, { addresses: [generator.grpcAddress], deadlineMs: 5_000 })
  const seen = new Set<string>()
  let handedOut = 0
  let compared = 0

  /** Calls until the time is up; codes that come late are kept as well, so that every one is compared. */
  async function allocate(seconds: number) {
    const latency = createLatencyRecorder()
    const startMs = performance.now()
    const batches: string[][] = []
    await Promise.all(
      Array.from({ length: callsInFlight }, async () => {
        while (performance.now() - startMs < seconds * 1_000 && !signal.aborted) {
          const sentMs = performance.now()
          const { codes } = await client.call((stub) => stub.allocateCodes, { count: batchCodes })
          latency.record(performance.now() - sentMs)
          batches.push(codes)
        }
      }),
    )
    signal.throwIfAborted()
    return { batches, seconds: (performance.now() - startMs) / 1_000, latency: latency.percentiles() }
  }

  function compare(batches: readonly string[][]): void {
    for (const codes of batches) {
      handedOut += codes.length
      if (seen.size + codes.length > comparedMax) continue
      compared += codes.length
      for (const code of codes) seen.add(code)
    }
  }

  say('warming up')
  compare((await allocate(warmUpSeconds)).batches)
  say(`allocating codes for ${options.seconds} s`)
  const meter = startCpuMeter(stage.groups([generator]))
  const run = await allocate(options.seconds)
  const cpu = meter.read()
  const { residentPeakBytes } = memoryOf(generator.pid)
  compare(run.batches)

  const codes = run.batches.length * batchCodes
  const codesPerSecond = codes / run.seconds
  const own = cpu.get(generator.name) ?? 0
  return {
    bench: 'ids',
    notes: [
      ...stage.notes,
      machine,
      `${callsInFlight} calls in flight, ${batchCodes} codes each, one client.`,
    ],
    tables: [
      codesTable({ codes, codesPerSecond, ...run.latency }, own, residentPeakBytes),
      cpuTable(cpu, { name: 'code', count: codes }),
    ],
    checks: [
      {
        what: 'every code came once',
        passed: seen.size === compared && compared > 0,
        found: `${formatNumber(seen.size)} different ones among ${formatNumber(compared)} compared, ${formatNumber(handedOut)} handed out`,
      },
    ],
    targets: [{ what: 'codes per second', atLeast: targetCodesPerSecond, measured: codesPerSecond }],
  }
}

function codesTable(
  run: Percentiles & { readonly codes: number; readonly codesPerSecond: number },
  cpuSeconds: number,
  residentPeakBytes: number,
): Table {
  return {
    title: 'Codes',
    columns: [
      { key: 'codesPerSecond', title: 'codes/s' },
      { key: 'codesPerCpuSecond', title: 'per CPU s' },
      { key: 'p50Ms', title: 'call p50 ms', digits: 2 },
      { key: 'p99Ms', title: 'p99 ms', digits: 2 },
      { key: 'p999Ms', title: 'p99.9 ms', digits: 2 },
      { key: 'rssMb', title: 'RSS MB' },
    ],
    rows: [
      {
        codesPerSecond: run.codesPerSecond,
        codesPerCpuSecond: ratioOf(run.codes, cpuSeconds),
        p50Ms: run.p50Ms,
        p99Ms: run.p99Ms,
        p999Ms: run.p999Ms,
        rssMb: residentPeakBytes / 1e6,
      },
    ],
  }
}
