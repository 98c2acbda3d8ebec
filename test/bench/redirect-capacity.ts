/**
 * Requests per CPU second, each server in turn on the same core. A turn is short and there are several: what a machine
 * does meanwhile lasts longer than a turn, so it weighs on the neighbours of one turn alike, and the median of the
 * turns' ratios forgets the one it did not. The sum of all turns moved by a third between runs of the same code.
 */
import { memoryOf } from './process-times.ts'
import { type RedirectFixture, type RedirectLoad, type Slice, visitAll } from './redirect-fixture.ts'
import { formatNumber, ratioOf, type Table } from './report.ts'
import type { ServiceProcess } from './service-process.ts'

const turns = 5
/** Nobody starts cold: while the others had their turns, copies in memory passed their ten seconds. */
const warmUpSeconds = 1
/** V8 compiles what is hot, and compiles it anew, over the first hundred thousand requests. */
const firstWarmUpSeconds = 8
const hot = 'hot link'

export interface Capacity {
  readonly workload: string
  readonly server: ServiceProcess
  /** One for each turn. */
  readonly slices: readonly Slice[]
}

export interface Capacities {
  readonly measured: readonly Capacity[]
  /** What redirect answered without being measured. */
  readonly warmUps: readonly Slice[]
}

/** Gives back what redirect answered. */
export async function warmUp(
  fixture: RedirectFixture,
  load: RedirectLoad,
  servers: readonly ServiceProcess[],
): Promise<Slice[]> {
  const { stage, redirect, paths } = fixture
  const ours: Slice[] = []
  for (const server of servers) {
    stage.say(`warming up ${server.name}`)
    const slices = [await visitAll(fixture, server, paths), await load.run(server, paths, firstWarmUpSeconds)]
    if (server === redirect) ours.push(...slices)
  }
  return ours
}

export async function measureCapacities(fixture: RedirectFixture, load: RedirectLoad): Promise<Capacities> {
  const { stage, servers, redirect, paths } = fixture
  const seconds = Math.max(1, Math.round(stage.options.seconds / turns))
  const warmUps = await warmUp(fixture, load, servers)
  const measured: Capacity[] = []
  for (const [workload, chosen] of [
    [hot, paths.slice(0, 1)],
    [`${formatNumber(paths.length)} at random`, paths],
  ] as const) {
    const rows = servers.map((server) => ({ workload, server, slices: [] as Slice[] }))
    for (let turn = 1; turn <= turns; turn++) {
      stage.say(`${workload}, turn ${turn} of ${turns}: ${seconds} s for each server`)
      for (const { server, slices } of rows) {
        if (workload !== hot) {
          const slice = await load.run(server, chosen, warmUpSeconds)
          if (server === redirect) warmUps.push(slice)
        }
        slices.push(await load.run(server, chosen, seconds))
      }
    }
    measured.push(...rows)
  }
  return { measured, warmUps }
}

export function perSecond({ slices }: Capacity): number {
  return sumOf(slices, 'answered') / sumOf(slices, 'seconds')
}

/** The median of the turns' ratios, and the smallest and largest of them. */
export function ratioToBare(one: Capacity, all: readonly Capacity[]): readonly number[] {
  const bare = all.find(({ server, workload }) => server.name === 'bare-http' && workload === one.workload)
  const ratios = one.slices
    .map((slice, turn) => ratioOf(perCpuSecond(slice), perCpuSecond(bare?.slices[turn])))
    .filter((ratio) => ratio !== undefined)
    .sort((a, b) => a - b)
  return ratios.length === 0 ? [] : [ratios[ratios.length >> 1]!, ratios[0]!, ratios.at(-1)!]
}

const perCpuSecond = (slice: Slice | undefined) =>
  slice === undefined ? 0 : (ratioOf(slice.answered, slice.cpuSeconds) ?? 0)

export function sumOf(slices: readonly Slice[], what: keyof Slice): number {
  return slices.reduce((sum, slice) => sum + slice[what], 0)
}

export function capacityTable(measured: readonly Capacity[]): Table {
  return {
    title: `Capacity, each server in turn on the same core, ${turns} turns`,
    columns: [
      { key: 'workload', title: 'requests' },
      { key: 'server', title: 'server' },
      { key: 'perSecond', title: 'requests/s' },
      { key: 'perCpuSecond', title: 'per CPU s' },
      { key: 'ratio', title: 'of bare-http', digits: 3 },
      { key: 'least', title: 'least', digits: 3 },
      { key: 'most', title: 'most', digits: 3 },
      { key: 'cpuSeconds', title: 'CPU s', digits: 2 },
      { key: 'rssMb', title: 'peak RSS MB' },
    ],
    rows: measured.map((one) => {
      const [ratio, least, most] = ratioToBare(one, measured)
      const cpuSeconds = sumOf(one.slices, 'cpuSeconds')
      return {
        workload: one.workload,
        server: one.server.name,
        perSecond: perSecond(one),
        perCpuSecond: ratioOf(sumOf(one.slices, 'answered'), cpuSeconds),
        ratio,
        least,
        most,
        cpuSeconds,
        rssMb: memoryOf(one.server.pid).residentPeakBytes / 1e6,
      }
    }),
  }
}
