/** The cache of links in Redis, bound to a client: redis-link-format.ts tells what is kept and why it can be trusted. */
import type { LinkCopy } from './generated/linkfleet/links/v1/link.ts'
import { hashTagOf } from './partition.ts'
import { type LinkCacheScripts, linkCacheScripts } from './redis-link-cache-scripts.ts'
import { createLinkWrites, type LinkWrites } from './redis-link-cache-writes.ts'
import {
  decodeMark,
  entryKey,
  entryKeyOf,
  type FreshLink,
  judgeEntry,
  type LinkMark,
  type LinkToRead,
  markKey,
} from './redis-link-format.ts'

export { hashTagCount, hashTagOf } from './partition.ts'
export type { LinkWrites, PutOutcome } from './redis-link-cache-writes.ts'
export * from './redis-link-format.ts'

/** What is asked of a Redis client; ioredis's `Redis` and `Cluster` have it. */
export interface RedisCommands {
  defineCommand(name: string, definition: { lua: string; numberOfKeys?: number }): void
  /** Whether the keys of one command must share a slot. */
  readonly isCluster: boolean
  mgetBuffer(...keys: string[]): Promise<(Buffer | null)[]>
  pipeline(commands: string[][]): { exec(): Promise<[Error | null, unknown][] | null> }
}

export interface MarkState {
  readonly generation: number
  readonly timeline: number
  readonly watermarkMs: number
}

/** All of these throw what the client throws: a caller decides what Redis being away means. */
export interface RedisLinkCache extends LinkWrites {
  /** One MGET. undefined: not cached. */
  read(domainId: number, code: string, held?: LinkCopy): Promise<FreshLink | undefined>
  /** As `read` of each, in order, in one round trip; of one that fails, all fail. */
  readAll(links: readonly LinkToRead[]): Promise<(FreshLink | undefined)[]>
  /** Moves W of one hash tag. False: the mark is not as `known` says, or the server is another one. */
  advance(hashTag: number, known: MarkState, watermarkMs: number): Promise<boolean>
  /** undefined: there is no mark, or it cannot be read. */
  readMark(hashTag: number): Promise<LinkMark | undefined>
  /** Starts a new generation of one hash tag. Returns its number; undefined when this timeline is superseded. */
  renew(
    hashTag: number,
    wish: { generation: number; timeline: number; floorMs: number },
  ): Promise<number | undefined>
}

/** Binds the protocol to a client. Defining the scripts sends nothing. */
export function createRedisLinkCache(client: RedisCommands, prefix: string): RedisLinkCache {
  for (const [name, definition] of Object.entries(linkCacheScripts)) client.defineCommand(name, definition)
  const scripts = client as unknown as LinkCacheScripts

  const writes = createLinkWrites(scripts, { prefix, isCluster: client.isCluster })

  /** Where the keys of a command must share a slot: each entry with its mark, in one pipeline. */
  async function readEach(links: readonly LinkToRead[]): Promise<(FreshLink | undefined)[]> {
    const commands = links.map(({ domainId, code }) => {
      return ['mgetBuffer', entryKey(prefix, domainId, code), markKey(prefix, hashTagOf(domainId, code))]
    })
    const answers = (await client.pipeline(commands).exec()) ?? []
    return links.map(({ held }, place) => {
      const [failure, values] = answers[place] ?? [new Error('the pipeline was not answered'), undefined]
      if (failure !== null) throw failure
      const [entry = null, markValue = null] = values as (Buffer | null)[]
      return judgeEntry(entry, decodeMark(markValue), held)
    })
  }

  return {
    async read(domainId, code, held) {
      const mark = markKey(prefix, hashTagOf(domainId, code))
      const [entry = null, markValue = null] = await client.mgetBuffer(entryKey(prefix, domainId, code), mark)
      return judgeEntry(entry, decodeMark(markValue), held)
    },
    async readAll(links) {
      if (links.length === 0) return []
      if (client.isCluster) return await readEach(links)
      const tags = links.map(({ domainId, code }) => hashTagOf(domainId, code))
      const marked = [...new Set(tags)]
      const values = await client.mgetBuffer(
        ...links.map(({ domainId, code }, place) => entryKeyOf(prefix, tags[place]!, domainId, code)),
        ...marked.map((tag) => markKey(prefix, tag)),
      )
      const marks = new Map(marked.map((tag, at) => [tag, decodeMark(values[links.length + at] ?? null)]))
      return tags.map((tag, place) => judgeEntry(values[place] ?? null, marks.get(tag), links[place]?.held))
    },
    ...writes,
    async advance(hashTag, known, watermarkMs) {
      const { generation, timeline, watermarkMs: from } = known
      const key = markKey(prefix, hashTag)
      return (await scripts.linkfleetAdvance(key, generation, timeline, from, watermarkMs)) === 1
    },
    async readMark(hashTag) {
      const [value = null] = await client.mgetBuffer(markKey(prefix, hashTag))
      return decodeMark(value)
    },
    async renew(hashTag, { generation, timeline, floorMs }) {
      const key = markKey(prefix, hashTag)
      const renewed = await scripts.linkfleetRenew(key, generation, timeline, floorMs)
      return renewed < 0 ? undefined : renewed
    },
  }
}
