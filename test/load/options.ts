/** What the arguments of `npm run load` mean; addresses that are not given are those of the fleet that runs here. */
import { isAbsolute, join } from 'node:path'
import { parseArgs } from 'node:util'
import { readRunFile } from '@linkfleet/local/fleet/run-file'

/** Something is wrong with the arguments; the message says what. */
export class LoadUsageError extends Error {}

export interface LoadOptions {
  readonly scenario: string
  /** What the scenario reads as `__ENV`. */
  readonly env: Readonly<Record<string, string>>
}

const known = {
  'base-url': { type: 'string' },
  'api-url': { type: 'string' },
  'stats-url': { type: 'string' },
  key: { type: 'string' },
  rate: { type: 'string', default: '20' },
  duration: { type: 'string', default: '10s' },
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
  if (!/^[1-9]\d{0,4}[sm]$/.test(values.duration))
    throw new LoadUsageError('--duration is a time such as 30s or 2m.')
  const running = readRunFile(isAbsolute(values.home) ? values.home : join(base, values.home))
  const urlOf = (service: string) => running?.services.find(({ name }) => name === service)?.url
  return {
    scenario,
    env: {
      BASE_URL: values['base-url'] ?? urlOf('redirect') ?? 'http://localhost:8080',
      API_URL: values['api-url'] ?? urlOf('shortener') ?? 'http://localhost:8081',
      STATS_URL: values['stats-url'] ?? urlOf('analytics') ?? 'http://localhost:8082',
      RATE: values.rate,
      DURATION: values.duration,
      ...(values.key === undefined ? {} : { API_KEY: values.key }),
    },
  }
}
