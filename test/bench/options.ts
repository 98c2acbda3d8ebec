/** What the arguments of `npm run bench` mean. Pure. */
import { parseArgs } from 'node:util'

export const benchNames = ['ids', 'shortener', 'redirect', 'overload', 'analytics', 'l1'] as const
export type BenchName = (typeof benchNames)[number]

/** Something is wrong with the arguments; the message says what. */
export class BenchUsageError extends Error {}

export interface BenchOptions {
  readonly bench: BenchName
  /** How long each measurement takes. */
  readonly seconds: number
  /** How many generated links there are; undefined: the bench's own default. */
  readonly links: number | undefined
  readonly connections: number
  /** Requests or clicks a second where a rate is kept up; undefined: the bench's own default. */
  readonly ratePerSecond: number | undefined
  /** The one part of the bench that is wanted; undefined: all. */
  readonly part: string | undefined
  readonly json: boolean
  /** A folder for CPU profiles of the service that is measured. */
  readonly profileDir: string | undefined
}

const known = {
  seconds: { type: 'string', default: '10' },
  links: { type: 'string' },
  connections: { type: 'string', default: '64' },
  rate: { type: 'string' },
  part: { type: 'string' },
  json: { type: 'boolean', default: false },
  'cpu-prof': { type: 'string' },
} as const

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: known, allowPositionals: true })
  } catch (error) {
    throw new BenchUsageError((error as Error).message, { cause: error })
  }
}

/** A whole number, also written as `1e7`. */
function wholeNumber(name: string, text: string, least: number, most: number): number {
  const value = /^\d+(?:e\d)?$/.test(text) ? Number(text) : Number.NaN
  if (!(value >= least && value <= most)) {
    throw new BenchUsageError(`--${name} is a whole number from ${least} to ${most}, not "${text}".`)
  }
  return value
}

export function readBenchOptions(args: readonly string[]): BenchOptions {
  const { values, positionals } = parse(args)
  const [name, ...more] = positionals
  const bench = benchNames.find((candidate) => candidate === name)
  if (bench === undefined || more.length > 0) {
    throw new BenchUsageError(`Name one bench: ${benchNames.join(', ')}.`)
  }
  return {
    bench,
    seconds: wholeNumber('seconds', values.seconds, 1, 600),
    links: values.links === undefined ? undefined : wholeNumber('links', values.links, 100, 100_000_000),
    connections: wholeNumber('connections', values.connections, 1, 1_000),
    ratePerSecond: values.rate === undefined ? undefined : wholeNumber('rate', values.rate, 1, 200_000),
    part: values.part,
    json: values.json,
    profileDir: values['cpu-prof'],
  }
}
