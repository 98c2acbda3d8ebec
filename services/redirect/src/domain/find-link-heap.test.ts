import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { liveLink } from '@linkfleet/contracts/testing/live-link'
import { expect, test } from 'vitest'
import { createFindLink } from './find-link.ts'
import { LinkMemory } from './link-memory.ts'
import { VersionFloors } from './version-floors.ts'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

const urls = 2_000
const queryCharacters = 15_000

/** As a router cuts it: the code is a view into a URL that nobody else keeps. */
function codeOfLongUrl(index: number): string {
  const code = `code-of-link-${String(index).padStart(7, '0')}`
  const url = Buffer.from(`/${code}?${'x'.repeat(queryCharacters)}`).toString('latin1')
  return url.slice(1, 1 + code.length)
}

test.each(['absent', 'known'])('codes that are %s keep nothing of the URLs they came in', async (what) => {
  const memory = new LinkMemory({ bytesMax: 64_000_000, absencesMax: urls })
  const findLink = createFindLink({
    memory,
    floors: new VersionFloors(10),
    clock: () => 1_000_000,
    soon: setImmediate,
    cache: { read: async () => undefined, fill: async () => undefined },
    replicas: { read: async () => undefined },
    authority: {
      resolve: async (_domainId, code) => ({
        copy: what === 'known' ? liveLink(Buffer.from(code).toString(), 1) : undefined,
        asOfMs: 1_000_000,
      }),
    },
  })
  collectGarbage()
  const beforeBytes = process.memoryUsage().heapUsed
  for (let index = 0; index < urls; index += 1) await findLink(1, codeOfLongUrl(index))
  collectGarbage()
  const grownBytes = process.memoryUsage().heapUsed - beforeBytes
  expect(memory.size + memory.absences).toBe(urls)
  expect(grownBytes).toBeLessThan((urls * queryCharacters) / 4)
})
