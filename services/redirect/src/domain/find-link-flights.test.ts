/** However many ask at once, a process reads each code once. */

import { liveLink } from '@linkfleet/contracts/testing/live-link'
import { expect, test } from 'vitest'
import { createFindLink } from './find-link.ts'
import { LinkMemory } from './link-memory.ts'
import { VersionFloors } from './version-floors.ts'

const nowMs = 1_700_000_000_000

/** Every source answers in a later turn of the event loop; the primary alone knows links. */
function findLinkOverCountedSources() {
  const asked = {
    redis: new Map<string, number>(),
    replica: new Map<string, number>(),
    primary: new Map<string, number>(),
  }
  const count = (source: keyof typeof asked, code: string) => {
    asked[source].set(code, (asked[source].get(code) ?? 0) + 1)
    return new Promise<void>((resolve) => setImmediate(resolve))
  }
  const findLink = createFindLink({
    memory: new LinkMemory({ bytesMax: 64 << 20, absencesMax: 20_000 }),
    floors: new VersionFloors(100),
    clock: () => nowMs,
    soon: setImmediate,
    cache: {
      read: async (_domainId, code) => void (await count('redis', code)),
      fill: async () => undefined,
    },
    replicas: { read: async (_domainId, code) => void (await count('replica', code)) },
    authority: {
      async resolve(_domainId, code) {
        await count('primary', code)
        return { copy: code.startsWith('no') ? undefined : liveLink(code, 1), asOfMs: nowMs }
      },
    },
  })
  return { findLink, asked }
}

test.each(['live', 'no'])(
  '10,000 who ask for the code "%s" at once cause one read of each source',
  async (code) => {
    const { findLink, asked } = findLinkOverCountedSources()
    const found = await Promise.all(Array.from({ length: 10_000 }, () => findLink(1, code)))
    expect(new Set(found.map(({ kind }) => kind))).toEqual(new Set([code === 'no' ? 'absent' : 'link']))
    for (const reads of Object.values(asked)) expect([...reads]).toEqual([[code, 1]])
  },
)

test('10,000 misses of 500 codes at once cause one read of each code, and none is left in flight', async () => {
  const { findLink, asked } = findLinkOverCountedSources()
  const codeOf = (index: number) => `${index % 3 === 0 ? 'no' : 'live'}${index % 500}`
  const ask = () => Promise.all(Array.from({ length: 10_000 }, (_none, index) => findLink(1, codeOf(index))))
  await ask()
  const codes = new Set(Array.from({ length: 10_000 }, (_none, index) => codeOf(index)))
  for (const reads of Object.values(asked)) {
    expect(new Set(reads.keys())).toEqual(codes)
    expect(new Set(reads.values())).toEqual(new Set([1]))
  }
  await ask()
  expect(new Set(asked.primary.values())).toEqual(new Set([1]))
})
