/**
 * Requests per CPU second, each server in turn on the same core. A turn is short and there are several: what a machine
 * does meanwhile lasts longer than a turn, so it weighs on the neighbours of one turn alike, and the median of the
 * turns' ratios forgets the one it did not. The sum of all turns moved by a third between runs of the same code. Nor does
 * one start tell of the next: what V8 compiles when, and where memory lies, made a tenth between two that ran beside each other.
 */
import { memoryOf } from './process-times.ts'
import { type RedirectFixture, type RedirectLoad, type Slice, visitAll } from './redirect-fixture.ts'
import { formatNumber, medianOf, ratioOf, type Table } from './report.ts'
import type { ServiceProcess } from './service-process.ts'

/** So short that, while the others have theirs, few copies in memory pass their ten seconds. */
const turnSeconds = 1
/** As many turns as it takes to answer for so many parts of `--seconds`, in each start. */
const partsOfStart = { hot: 1 / 3, random: 1 } as const
/** V8 compiles what is hot, and compiles it anew, over the first hundred thousand requests. */
const firstWarmUpSeconds = 8

/** What one server answered of one kind of requests. */
export interface Capacity {
  readonly workload: string
  readonly server: string
  /** For each start, one for each of its turns. */
  readonly starts: readonly (readonly Slice[])[]
  readonly residentPeakBytes: number
}

export interface StartCapacities {
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
    const slices = [
      await visitAll(fixture, server, paths),
      await load.run(fixture, server, paths, firstWarmUpSeconds),
    ]
    if (server === redirect) ours.push(...slices)
  }
  return ours
}

/** Of the servers as they run now, which are start `start` of `starts`. */
export async function measureCapacities(
  fixture: RedirectFixture,
  load: RedirectLoad,
  start: number,
  starts: number,
): Promise<StartCapacities> {
  const { stage, servers, redirect, paths } = fixture
  const warmUps = await warmUp(fixture, load, servers)
  const measured: Capacity[] = []
  for (const [workload, chosen, part] of [
    ['hot link', paths.slice(0, 1), partsOfStart.hot],
    [`${formatNumber(paths.length)} at random`, paths, partsOfStart.random],
  ] as const) {
    const rows = servers.map((server) => ({ server, slices: [] as Slice[] }))
    const turns = Math.max(1, Math.round((stage.options.seconds * part) / turnSeconds))
    for (const server of servers) {
      const slice = await load.run(fixture, server, chosen, turnSeconds)
      if (server === redirect) warmUps.push(slice)
    }
    for (let turn = 1; turn <= turns; turn++) {
      stage.say(`${workload}, start ${start} of ${starts}, turn ${turn} of ${turns}`)
      for (const { server, slices } of rows) slices.push(await load.run(fixture, server, chosen, turnSeconds))
    }
    measured.push(
      ...rows.map(({ server, slices }) => ({
        workload,
        server: server.name,
        starts: [slices],
        residentPeakBytes: memoryOf(server.pid).residentPeakBytes,
      })),
    )
  }
  return { measured, warmUps }
}

/** What each server answered in all starts, given the same rows of each. Pure. */
export function joinStarts(starts: readonly (readonly Capacity[])[]): Capacity[] {
  const [first = []] = starts
  return first.map((row, index) => {
    const same = starts.map((rows) => rows[index]!)
    return {
      ...row,
      starts: same.flatMap((one) => one.starts),
      residentPeakBytes: Math.max(...same.map((one) => one.residentPeakBytes)),
    }
  })
}

export const slicesOf = ({ starts }: Capacity): Slice[] => starts.flat()

export function perSecond(one: Capacity): number {
  const slices = slicesOf(one)
  return sumOf(slices, 'answered') / sumOf(slices, 'seconds')
}

export interface RatioToBare {
  /** Of all turns. */
  readonly median: number
  readonly least: number
  readonly most: number
  /** The median of the turns of each start. */
  readonly ofStarts: readonly number[]
}

/** undefined where nothing was measured in any turn. Pure. */
export function ratioToBare(one: Capacity, all: readonly Capacity[]): RatioToBare | undefined {
  const bare = all.find(({ server, workload }) => server === 'bare-http' && workload === one.workload)
  const ofStarts = one.starts.map((slices, start) =>
    slices
      .map((slice, turn) => ratioOf(perCpuSecond(slice), perCpuSecond(bare?.starts[start]?.[turn])))
      .filter((ratio) => ratio !== undefined),
  )
  const ratios = ofStarts.flat()
  const median = medianOf(ratios)
  if (median === undefined) return undefined
  return {
    median,
    least: Math.min(...ratios),
    most: Math.max(...ratios),
    ofStarts: ofStarts.map(medianOf).filter((ratio) => ratio !== undefined),
  }
}

const perCpuSecond = (slice: Slice | undefined) =>
  slice === undefined ? 0 : (ratioOf(slice.answered, slice.cpuSeconds) ?? 0)

export function sumOf(slices: readonly Slice[], what: keyof Slice): number {
  return slices.reduce((sum, slice) => sum + slice[what], 0)
}

export function capacityTable(measured: readonly Capacity[]): Table {
  return {
    title: `Capacity, each server in turn on the same core, turns of ${turnSeconds} s in ${measured[0]?.starts.length} starts`,
    columns: [
      { key: 'workload', title: 'requests' },
      { key: 'server', title: 'server' },
      { key: 'turns', title: 'turns' },
      { key: 'perSecond', title: 'requests/s' },
      { key: 'perCpuSecond', title: 'per CPU s' },
      { key: 'ratio', title: 'of bare-http', digits: 3 },
      { key: 'least', title: 'least', digits: 3 },
      { key: 'most', title: 'most', digits: 3 },
      { key: 'ofStarts', title: 'each start' },
      { key: 'cpuSeconds', title: 'CPU s', digits: 2 },
      { key: 'rssMb', title: 'peak RSS MB' },
    ],
    rows: measured.map((one) => {
      const ratio = ratioToBare(one, measured)
      const cpuSeconds = sumOf(slicesOf(one), 'cpuSeconds')
      return {
        workload: one.workload,
        server: one.server,
        turns: slicesOf(one).length,
        perSecond: perSecond(one),
        perCpuSecond: ratioOf(sumOf(slicesOf(one), 'answered'), cpuSeconds),
        ratio: ratio?.median,
        least: ratio?.least,
        most: ratio?.most,
        ofStarts: ratio?.ofStarts.map((median) => formatNumber(median, 2)).join(' '),
        cpuSeconds,
        rssMb: one.residentPeakBytes / 1e6,
      }
    }),
  }
}
