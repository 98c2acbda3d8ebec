/** What the arguments of `npm run load` mean; addresses that are not given are those of the fleet that runs here. */
import { isAbsolute, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { readRunFile } from '@linkfleet/local/fleet/run-file'
import { slos } from '@linkfleet/slo/generated/objectives'

export const usage = `npm run load -- <smoke|steady|spike|soak|breakpoint> [options]
    --rate N           redirects per second; a tenth as many creates, some misses and reads of statistics (20)
    --duration TIME    such as 30s, 2m or 1h         (10s)
    --links N          links that are created and followed, by Zipf's law                  (1000)
    --report FILE      k6's HTML report              (load/<scenario>.html in --home)
    --base-url URL     redirect                      (of the fleet in --home, else http://localhost:8080)
    --api-url URL      shortener                     (of the fleet in --home, else http://localhost:8081)
    --stats-url URL    analytics                     (of the fleet in --home, else http://localhost:8082)
    --key KEY          an API key of role editor or admin; the fleet of one machine needs none
    --home DIR         a fleet of npm start          (.linkfleet)

A fleet of this machine is asked for its own counters before and after: they must equal k6's.`

/** Something is wrong with the arguments; the message says what. */
export class LoadUsageError extends Error {}

export interface LoadOptions {
  readonly scenario: string
  /** What the scenario reads as `__ENV`. */
  readonly env: Readonly<Record<string, string>>
  readonly home: string
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

/** `base` is where a relative --home starts; `exists` tells whether there is a scenario of a name. */
export function readLoadOptions(
  args: readonly string[],
  base: string,
  exists: (scenario: string) => boolean,
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
  for (const name of ['base-url', 'api-url', 'stats-url'] as const) {
    if (values[name] !== undefined && !/^https?:$/.test(URL.parse(values[name])?.protocol ?? ''))
      throw new LoadUsageError(`--${name} is a URL, not "${values[name]}".`)
  }
  const home = isAbsolute(values.home) ? values.home : join(base, values.home)
  const running = readRunFile(home)
  const urlOf = (service: string) => running?.services.find(({ name }) => name === service)?.url
  return {
    scenario,
    env: {
      BASE_URL: values['base-url'] ?? urlOf('redirect') ?? 'http://localhost:8080',
      API_URL: values['api-url'] ?? urlOf('shortener') ?? 'http://localhost:8081',
      STATS_URL: values['stats-url'] ?? urlOf('analytics') ?? 'http://localhost:8082',
      RATE: values.rate,
      DURATION: values.duration,
      LINKS: values.links,
      SLOS: JSON.stringify(objectives()),
      ...(values.key === undefined ? {} : { API_KEY: values.key }),
    },
    home,
    isOwnFleet: running !== undefined && values['base-url'] === undefined && values['api-url'] === undefined,
    reportFile: resolve(base, values.report ?? join(home, 'load', `${scenario}.html`)),
  }
}

/** What the scenarios hold the fleet to, by service. */
function objectives(): Record<string, { target: number; thresholdMs: number }> {
  const daily = slos.flatMap(({ service, period, target, indicator }) =>
    indicator.kind === 'ratio' && period === '1d'
      ? [[service, { target, thresholdMs: indicator.thresholdSeconds * 1000 }] as const]
      : [],
  )
  return Object.fromEntries(daily)
}
