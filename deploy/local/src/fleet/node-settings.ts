/** How Node runs a service; benches run them in the same way, or their numbers would be of something else. */
import { join } from 'node:path'
import { isBundled } from '@linkfleet/bundle/programs'
import type { ServiceName } from './plan.ts'

// It is of node:sqlite's lock.
const quiet = ['--disable-warning=ExperimentalWarning']

/**
 * Redirect's requests leave little behind, so its young generation gains nothing from the 16 MiB that Node lets each half
 * of it grow to, and is collected sooner by one thread than by several that wait for each other; its old generation grows by
 * a fifth between two collections, so that little garbage becomes memory. What V8 sees survive while a load begins it would
 * make in the old generation ever after, and what lives as long as a request would keep that busy. From Node's snapshot both
 * threads would get the sources of Node's own modules onto their heaps. What is hot is optimized soon: baseline code would only
 * take memory. Where there is one core, whoever redirects shares it with the helpers that mark garbage, and has more of it
 * beside two than beside four.
 * docs/decisions/0030-what-a-redirect-keeps-in-memory.md, 0034-what-keeps-a-redirect-waiting.md,
 * 0035-a-redirect-loads-what-it-uses-and-once.md, 0037-a-redirect-without-baseline-code.md and
 * 0042-two-helpers-beside-a-redirect.md have the numbers.
 */
const flagsOf: Partial<Record<ServiceName, readonly string[]>> = {
  redirect: [
    '--no-node-snapshot',
    '--max-semi-space-size=2',
    '--no-parallel-scavenge',
    '--heap-growing-percent=20',
    '--no-allocation-site-pretenuring',
    '--no-sparkplug',
    '--v8-pool-size=2',
  ],
}

/**
 * glibc keeps a heap for each thread that ever asked for memory; their gaps are tens of MB. What is larger than 8 KiB,
 * buffers of sockets and the work of V8's compilers, gets pages of its own, which go back at once and leave no gaps.
 */
const environmentOf: Partial<Record<ServiceName, Record<string, string>>> = {
  redirect: { MALLOC_ARENA_MAX: '1', MALLOC_MMAP_THRESHOLD_: '8192' },
}

export function nodeFlagsOf(service: ServiceName): string[] {
  return [...quiet, ...(flagsOf[service] ?? [])]
}

/**
 * Node keeps the sources of a service there as JavaScript and code of V8: from the second start on nothing is
 * stripped of types, which saves each thread of a service 20 MB and each start some tenths of a second. A bundle has no types,
 * and another path in each home, under which the cache would grow.
 * https://nodejs.org/api/module.html#module-compile-cache
 */
export function nodeEnvironmentOf(service: ServiceName, checkout: string): Record<string, string> {
  return {
    ...(isBundled(service)
      ? {}
      : { NODE_COMPILE_CACHE: join(checkout, 'node_modules', '.cache', 'node-compile') }),
    ...environmentOf[service],
  }
}
