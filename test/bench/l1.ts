/** Hit rates of redirect's memory on generated traces: a simulation, so it needs no engine and no quiet machine. */
import {
  churningTrace,
  hitPercent,
  lru,
  ours,
  sieve,
  staticOptimum,
  stationaryTrace,
  type Trace,
  withScans,
} from './hit-rates.ts'
import type { Report } from './report.ts'
import type { BenchContext } from './stage.ts'

const keysDefault = 50_000
const requestsPerKey = 20
const warmUpShare = 0.25
const exponents = [0.8, 1, 1.2]
const rooms = [0.02, 0.1, 0.3]
const pointsMax = 3.5
const seed = 1

const columns = [
  { key: 'exponent', title: 's', digits: 1 },
  { key: 'room', title: 'room %' },
  { key: 'ours', title: 'redirect', digits: 1 },
  { key: 'sieve', title: 'SIEVE', digits: 1 },
  { key: 'lru', title: 'LRU', digits: 1 },
  { key: 'optimum', title: 'static optimum', digits: 1 },
]

interface Rates {
  readonly [column: string]: number | undefined
  readonly exponent: number
  readonly room: number
  readonly ours: number
  readonly sieve: number
  readonly lru: number
  readonly optimum: number | undefined
}

export async function benchL1({ options, say, signal }: BenchContext): Promise<Report> {
  const keys = options.links ?? keysDefault
  const requests = keys * requestsPerKey

  function ratesOf(exponent: number, trace: Trace, isStationary: boolean): Rates[] {
    const warmUp = Math.floor(trace.length * warmUpShare)
    return rooms.map((room) => {
      signal.throwIfAborted()
      const entries = Math.max(1, Math.round(keys * room))
      return {
        exponent,
        room: room * 100,
        ours: hitPercent(ours(entries), trace, warmUp),
        sieve: hitPercent(sieve(entries), trace, warmUp),
        lru: hitPercent(lru(entries), trace, warmUp),
        optimum: isStationary ? hitPercent(staticOptimum(entries), trace, warmUp) : undefined,
      }
    })
  }

  const stationary: Rates[] = []
  const scanned: Rates[] = []
  const churning: Rates[] = []
  for (const exponent of exponents) {
    say(`${requests} requests for ${keys} links by Zipf's law, s = ${exponent}`)
    const law = { requests, keys, exponent, seed }
    const trace = stationaryTrace(law)
    stationary.push(...ratesOf(exponent, trace, true))
    const scans = { everyRequests: keys, scanKeys: keys / 10, firstKey: keys }
    scanned.push(...ratesOf(exponent, withScans(trace, scans), false))
    const churn = { everyRequests: Math.ceil(keys / 2), movedRanks: Math.ceil(keys / 1_000) }
    churning.push(...ratesOf(exponent, churningTrace({ ...law, ...churn }), false))
    // Between two of these Ctrl-C is heard.
    await new Promise((resolve) => setImmediate(resolve))
  }
  return {
    bench: 'l1',
    notes: [
      `Hits in percent of the requests after the first quarter of ${requests}; all entries of one size; seed ${seed}.`,
      'Scans: every so many requests as there are links, a tenth as many guessed codes in a row, which nobody can hold.',
      'Churn: twice in that time the ranks move on by a thousandth of the links: the most asked for are forgotten.',
    ],
    tables: [
      { title: 'Popularity does not change', columns, rows: stationary },
      { title: 'With scans', columns: columns.slice(0, -1), rows: scanned },
      { title: 'With links that come and go', columns: columns.slice(0, -1), rows: churning },
    ],
    checks: [],
    targets: stationary.map(({ exponent, room, ours: measured, optimum = 0 }) => ({
      what: `points below the optimum, s = ${exponent}, room for ${room} %`,
      atMost: pointsMax,
      measured: optimum - measured,
    })),
  }
}
