/** What can be said on the command line, checked, with one sentence for each thing that is wrong. */
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { LocalFleetError } from '../problem.ts'
import { type ServiceName, serviceNames, shownUrl } from './plan.ts'
import { readLevel, type ShownLevel } from './readable-log.ts'

export type FleetOptions = {
  home: string
  portBase: number
  host: string
  publicUrl: string
  detach: boolean
  /** What services log from this level on is shown on the terminal. */
  showLogs: ShownLevel
  brokers: 1 | 3
  scale: Partial<Record<ServiceName, number>>
}

export const instancesMax = 5
const highestPortDistance = 11_030

export function defaultHome(checkout: string): string {
  return resolve(checkout, '.linkfleet')
}

export function readStartOptions(args: string[], checkout: string, cwd = process.cwd()): FleetOptions {
  const { values } = parse(args, {
    home: { type: 'string' },
    'port-base': { type: 'string', default: '8080' },
    host: { type: 'string', default: '127.0.0.1' },
    'public-url': { type: 'string' },
    detach: { type: 'boolean', default: false },
    brokers: { type: 'string', default: '1' },
    scale: { type: 'string', multiple: true, default: [] },
    'show-logs': { type: 'string', default: 'warn' },
  })
  const portBase = wholeNumber(
    '--port-base',
    String(values['port-base']),
    1_024,
    65_535 - highestPortDistance,
  )
  const brokers = wholeNumber('--brokers', String(values.brokers), 1, 3)
  if (brokers === 2) throw new LocalFleetError('--brokers must be 1 or 3: two brokers have no majority.')
  const host = String(values.host)
  const publicUrl = values['public-url'] as string | undefined
  return {
    home: homeOf(values.home as string | undefined, checkout, cwd),
    portBase,
    host,
    publicUrl: publicUrl ? checkedUrl(publicUrl) : shownUrl(host, portBase),
    detach: Boolean(values.detach),
    showLogs: readLevel(String(values['show-logs'])),
    brokers: brokers as 1 | 3,
    scale: readScale(values.scale as string[]),
  }
}

/** For the commands that only need to know which fleet is meant. */
export function readHome(args: string[], checkout: string, cwd = process.cwd()): string {
  const { values } = parse(args, { home: { type: 'string' } })
  return homeOf(values.home as string | undefined, checkout, cwd)
}

type Known = NonNullable<NonNullable<Parameters<typeof parseArgs>[0]>['options']>

export function parse(args: string[], options: Known) {
  try {
    return parseArgs({ args, options, strict: true, allowPositionals: false })
  } catch (error) {
    throw new LocalFleetError(`${(error as Error).message.split('. ')[0]}. See --help.`)
  }
}

function homeOf(given: string | undefined, checkout: string, cwd: string): string {
  return given ? resolve(cwd, given) : defaultHome(checkout)
}

export function wholeNumber(name: string, text: string, minimum: number, maximum: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (!(value >= minimum && value <= maximum))
    throw new LocalFleetError(`${name} must be a whole number from ${minimum} to ${maximum}, not "${text}".`)
  return value
}

function checkedUrl(text: string): string {
  const url = URL.parse(text)
  if (!url || !/^https?:$/.test(url.protocol))
    throw new LocalFleetError(`--public-url must be an absolute http or https URL, not "${text}".`)
  return text.replace(/\/+$/, '')
}

function readScale(items: string[]): Partial<Record<ServiceName, number>> {
  const scale: Partial<Record<ServiceName, number>> = {}
  for (const item of items.flatMap((one) => one.split(','))) {
    const [name, count] = item.split('=')
    if (!serviceNames.includes(name as ServiceName) || count === undefined)
      throw new LocalFleetError(`--scale takes NAME=N with one of ${serviceNames.join(', ')}, not "${item}".`)
    scale[name as ServiceName] = wholeNumber(`--scale ${name}`, count, 1, instancesMax)
  }
  return scale
}
