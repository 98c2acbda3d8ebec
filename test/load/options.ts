/** What the arguments of `npm run load` mean; addresses that are not given are those of the fleet that runs here. */
import { isAbsolute, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { readRunFile } from '@linkfleet/local/fleet/run-file'

export const usage = `npm run load -- <smoke|steady|spike|soak|breakpoint> [options]     a k6 scenario against a fleet
    --rate N                redirects per second; with them come a tenth as many creates,
                            and some unknown codes and reads of statistics    (20)
    --duration TIME         such as 30s, 2m or 1h                             (10s)
    --links N               links that are created and followed, by Zipf's law (1000)
    --report FILE           k6's HTML report                (load/<scenario>.html in --home)
    --base-url URL          redirect                        (the fleet in --home, else http://localhost:8080)
    --api-url URL           shortener                       (the same, else the port after that of --base-url)
    --stats-url URL         analytics                       (the same, else the second port after it)
    --key KEY               an API key of role editor or admin; the fleet of one machine needs none
    --home DIR              a fleet of npm start                              (.linkfleet)
BASE_URL, API_URL, STATS_URL and API_KEY in the environment do the same.

A fleet of this machine is asked for its own counters before and after: they must equal k6's, so nothing else may use it.`

/** Something is wrong with the arguments; the message says what. */
export class LoadUsageError extends Error {}

export interface ServiceUrls {
  readonly redirect: string
  readonly shortener: string
  readonly analytics: string
}

export interface LoadOptions {
  readonly scenario: string
  /** What the scenario reads as `__ENV`. */
  readonly env: Readonly<Record<string, string>>
  readonly home: string
  /** Where each service answers. */
  readonly urls: ServiceUrls
  /** The load goes to the fleet of `home`, whose counters can be read. */
  readonly isOwnFleet: boolean
  /** Absolute. */
  readonly reportFile: string
}

const known = {
  'base-url': { type: 'string' },
  'api-url': { type: 'string' },
  'stats-url': { type: 'string' },
  key: { type: 'string' },
  rate: { type: 'string', default: '20' },
  duration: { type: 'string', default: '10s' },
  links: { type: 'string', default: '1000' },
  report: { type: 'string' },
  home: { type: 'string', default: '.linkfleet' },
} as const

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: known, allowPositionals: true })
  } catch (error) {
    throw new LoadUsageError((error as Error).message, { cause: error })
  }
}

type Environment = Readonly<Record<string, string | undefined>>

/** `base` is where a relative --home starts; `exists` tells whether there is a scenario of a name. */
export function readLoadOptions(
  args: readonly string[],
  base: string,
  exists: (scenario: string) => boolean,
  environment: Environment = {},
): LoadOptions {
  const { values, positionals } = parse(args)
  const [scenario, ...more] = positionals
  if (scenario === undefined || more.length > 0) throw new LoadUsageError('Name one scenario.')
  if (!/^[a-z]+$/.test(scenario) || !exists(scenario))
    throw new LoadUsageError(`There is no scenario "${scenario}".`)
  if (!/^[1-9]\d{0,5}$/.test(values.rate))
    throw new LoadUsageError('--rate is a whole number of redirects per second.')
  if (!/^[1-9]\d{0,4}[smh]$/.test(values.duration))
    throw new LoadUsageError('--duration is a time such as 30s, 2m or 1h.')
  if (!/^[1-9]\d{0,5}$/.test(values.links)) throw new LoadUsageError('--links is a whole number of links.')
  const home = isAbsolute(values.home) ? values.home : join(base, values.home)
  const running = readRunFile(home)
  const named = {
    redirect: originOf('--base-url', values['base-url'] ?? environment.BASE_URL),
    shortener: originOf('--api-url', values['api-url'] ?? environment.API_URL),
    analytics: originOf('--stats-url', values['stats-url'] ?? environment.STATS_URL),
  }
  const isOwnFleet = running !== undefined && Object.values(named).every((url) => url === undefined)
  const urlOf = (service: string) => running?.services.find(({ name }) => name === service)?.url
  const urls = isOwnFleet
    ? {
        redirect: urlOf('redirect') ?? usualUrl,
        shortener: urlOf('shortener') ?? usualUrl,
        analytics: urlOf('analytics') ?? usualUrl,
      }
    : withUsualPorts(named)
  const key = values.key ?? environment.API_KEY
  return {
    scenario,
    env: {
      BASE_URL: urls.redirect,
      API_URL: urls.shortener,
      STATS_URL: urls.analytics,
      RATE: values.rate,
      DURATION: values.duration,
      LINKS: values.links,
      ...(key === undefined ? {} : { API_KEY: key }),
    },
    urls,
    home,
    isOwnFleet,
    reportFile: resolve(base, values.report ?? join(home, 'load', `${scenario}.html`)),
  }
}

const usualUrl = 'http://localhost:8080'

/** Without a slash at the end, so that paths can follow. */
function originOf(option: string, text: string | undefined): string | undefined {
  if (text === undefined || text === '') return undefined
  if (!/^https?:$/.test(URL.parse(text)?.protocol ?? ''))
    throw new LoadUsageError(`${option} is a URL such as ${usualUrl}, not "${text}".`)
  return text.replace(/\/+$/, '')
}

/** Ports are those of a fleet on one machine. Where the redirects' own has none they say nothing of the others. */
function withUsualPorts(named: { [Service in keyof ServiceUrls]: string | undefined }): ServiceUrls {
  const redirect = named.redirect ?? usualUrl
  const after = (option: string, distance: number): string => {
    const url = new URL(redirect)
    if (url.port === '')
      throw new LoadUsageError(
        `${redirect} names no port, from which the others would follow: give ${option} too.`,
      )
    url.port = String(Number(url.port) + distance)
    return url.origin
  }
  return {
    redirect,
    shortener: named.shortener ?? after('--api-url', 1),
    analytics: named.analytics ?? after('--stats-url', 2),
  }
}
