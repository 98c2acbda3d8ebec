/** How Node runs a service; benches run them in the same way, or their numbers would be of something else. */
import { join } from 'node:path'
import type { ServiceName } from './plan.ts'

// The first is of node:sqlite's lock; the second of the Kafka client, whose timers may begin in the past, which does no harm.
const quiet = ['--disable-warning=ExperimentalWarning', '--disable-warning=TimeoutNegativeWarning']

/**
 * Redirect's requests leave nothing behind, so its young generation gains nothing from the 16 MiB that Node lets each
 * half of it grow to: a quarter of that costs no time and saves tens of MB.
 */
const flagsOf: Partial<Record<ServiceName, readonly string[]>> = { redirect: ['--max-semi-space-size=4'] }

export function nodeFlagsOf(service: ServiceName): string[] {
  return [...quiet, ...(flagsOf[service] ?? [])]
}

/**
 * Node keeps the sources of a service there as JavaScript and code of V8: from the second start on nothing is
 * stripped of types, which saves each thread of a service 20 MB and each start some tenths of a second.
 * https://nodejs.org/api/module.html#module-compile-cache
 */
export function compileCacheEnvironment(checkout: string): Record<string, string> {
  return { NODE_COMPILE_CACHE: join(checkout, 'node_modules', '.cache', 'node-compile') }
}
