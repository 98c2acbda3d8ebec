/** A finder of links over sources that say what a test tells them to, in time that a test moves. */
import { createFindLink, type FindLink } from '../domain/find-link.ts'
import { LinkMemory } from '../domain/link-memory.ts'
import { VersionFloors } from '../domain/version-floors.ts'
import type { KnownCopy, Reading } from '../ports.ts'

export interface LinkFinder {
  nowMs: number
  /** What each source says. */
  redis: KnownCopy | undefined
  replica: Reading | undefined
  lagging: Reading | undefined
  primary: Reading | undefined
  primaryTakesMs: number
  /** When links that are to be read anew are. */
  soon: (refresh: () => void) => void
  /** What happens while Redis is asked. */
  meanwhile: () => void
  /** Which sources were asked, in order. */
  asked: string[]
  readonly fills: KnownCopy[]
  readonly memory: LinkMemory
  readonly floors: VersionFloors
  readonly findLink: FindLink
}

export function createLinkFinder(): LinkFinder {
  const memory = new LinkMemory({ bytesMax: 1_000_000, absencesMax: 2 })
  const floors = new VersionFloors(100)
  const finder: LinkFinder = {
    nowMs: 1_700_000_000_000,
    redis: undefined,
    replica: undefined,
    lagging: undefined,
    primary: undefined,
    primaryTakesMs: 0,
    soon: (refresh) => refresh(),
    meanwhile: () => {},
    asked: [],
    fills: [],
    memory,
    floors,
    findLink: createFindLink({
      memory,
      floors,
      clock: () => finder.nowMs,
      soon: (refresh) => finder.soon(refresh),
      cache: {
        async read() {
          finder.asked.push('redis')
          finder.meanwhile()
          return finder.redis
        },
        fill: async (known) => void finder.fills.push(known),
      },
      replicas: {
        async read(_domainId, _code, anyLag) {
          finder.asked.push(anyLag ? 'lagging' : 'replica')
          return anyLag ? finder.lagging : finder.replica
        },
      },
      authority: {
        async resolve() {
          finder.asked.push('primary')
          finder.nowMs += finder.primaryTakesMs
          return finder.primary
        },
      },
    }),
  }
  return finder
}
