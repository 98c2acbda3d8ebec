/** `npm run analytics -- rebuild | dead-letters …`: what an operator does with counts, on the fleet of this machine. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readHome } from '../fleet/options.ts'
import { readRunFile } from '../fleet/run-file.ts'
import { LocalFleetError } from '../problem.ts'
import { runChild } from './child.ts'

const programs: Readonly<Record<string, string>> = {
  rebuild: 'services/analytics/src/rebuild.ts',
  'dead-letters': 'services/analytics/src/dead-letters.ts',
}

export async function analytics(args: string[], checkout: string): Promise<number> {
  const [what = '', ...given] = args
  const program = programs[what]
  if (program === undefined)
    throw new LocalFleetError(`Say "npm run analytics -- ${Object.keys(programs).join('" or "')}".`)
  const { home, rest } = takeHome(given, checkout)
  const env = { ...enginesOf(home), ...process.env }
  if (!env.DATABASE_URL || !env.KAFKA_BROKERS)
    throw new LocalFleetError(
      'No fleet runs here: start it ("npm start"), or set DATABASE_URL and KAFKA_BROKERS.',
    )
  return await runChild(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', join(checkout, program), ...rest],
    checkout,
    env,
  )
}

/** All else is for the program. */
function takeHome(args: readonly string[], checkout: string): { home: string; rest: string[] } {
  const rest = [...args]
  const at = rest.indexOf('--home')
  const taken = at === -1 ? [] : rest.splice(at, 2)
  return { home: readHome(taken, checkout), rest }
}

/** The engines of a running fleet, as their owner; those that it does not run itself are the environment's to name. */
function enginesOf(home: string): NodeJS.ProcessEnv {
  const engines = readRunFile(home)?.engines ?? []
  const hostsOf = (pattern: RegExp) =>
    engines.filter(({ name }) => pattern.test(name)).map(({ url }) => hostOf(url))
  const [databases, brokers] = [hostsOf(/^pg-\d$/), hostsOf(/^kafka/)]
  return {
    ...(databases.length === 0 ? {} : { DATABASE_URL: ownerUrl(home, databases) }),
    ...(brokers.length === 0 ? {} : { KAFKA_BROKERS: brokers.join(',') }),
  }
}

function hostOf(url: string): string {
  return url
    .replace(/^[a-z]+:\/\//, '')
    .replace(/^[^@/]*@/, '')
    .replace(/\/.*$/, '')
}

/** Every member of the cluster: whoever connects finds the one that may be written to. */
function ownerUrl(home: string, hosts: readonly string[]): string {
  const pointer = join(home, 'postgres-folder')
  const folder = existsSync(pointer) ? readFileSync(pointer, 'utf8').trim() : join(home, 'postgres')
  const password = readFileSync(join(folder, 'password'), 'utf8').trim()
  return `postgres://linkfleet:${password}@${hosts.join(',')}/linkfleet`
}
