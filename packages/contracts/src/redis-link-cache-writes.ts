/** The writes of the Redis link cache: many links in as few script calls as may be. */
import { hashTagOf } from './partition.ts'
import type { LinkCacheScripts } from './redis-link-cache-scripts.ts'
import {
  encodeBody,
  entryKey,
  entryTtlMs,
  type FreshLink,
  markKey,
  type RelayedLink,
} from './redis-link-format.ts'

/** `failed`: this entry could not be read or written, whatever became of others in the same call. */
export type PutOutcome = 'stored' | 'kept' | 'refused' | 'no-mark' | 'other-generation' | 'failed'

/** All of these throw what the client throws, unless they say otherwise. */
export interface LinkWrites {
  /** A fill after a read of Postgres, or the write-through after a commit. */
  fill(link: FreshLink): Promise<PutOutcome>
  /** As `fill` of each, in order, in as few calls as may be; of calls that fail, all fail. */
  fillAll(links: readonly FreshLink[]): Promise<PutOutcome[]>
  /** The relay's write of a committed change; 'other-generation' when the mark is not the one the relay knows. */
  apply(link: RelayedLink): Promise<PutOutcome>
  /**
   * As `apply` of each, in order. A copy that is there already, in that generation, is not sent again: it is 'kept'.
   * A call that fails leaves its links 'failed' and tells `onFailure` why.
   */
  applyAll(links: readonly RelayedLink[], onFailure: (error: unknown) => void): Promise<PutOutcome[]>
}

/** In the order of the script's digits. */
const putOutcomes: readonly PutOutcome[] = [
  'kept',
  'stored',
  'refused',
  'no-mark',
  'other-generation',
  'failed',
]

/** Redis serves nobody else while a script runs: so many links take it well under a millisecond. */
const linksPerScriptMax = 128

const hashTagOfLink = ({ copy }: FreshLink) => hashTagOf(copy.domainId, copy.code)

/** Runs `work` on parts that one call may hold, all at once, and puts the answers back in order. */
async function inParts<Link extends FreshLink>(
  links: readonly Link[],
  isCluster: boolean,
  work: (part: readonly Link[]) => Promise<PutOutcome[]>,
): Promise<PutOutcome[]> {
  const outcomes = new Array<PutOutcome>(links.length).fill('failed')
  const places = links.map((_link, place) => place)
  const tagAt = (place: number) => hashTagOfLink(links[place] as Link)
  const together = isCluster ? [...Map.groupBy(places, tagAt).values()] : [places]
  const parts = together.flatMap((all) =>
    Array.from({ length: Math.ceil(all.length / linksPerScriptMax) }, (_none, part) =>
      all.slice(part * linksPerScriptMax, (part + 1) * linksPerScriptMax),
    ),
  )
  const write = async (part: readonly number[]) => {
    const written = await work(part.map((place) => links[place] as Link))
    for (const [index, place] of part.entries()) outcomes[place] = written[index] ?? 'failed'
  }
  await Promise.all(parts.map(write))
  return outcomes
}

/** As the script writes it. */
const knownMarkOf = ({ generation, watermarkMs }: RelayedLink) => `${generation} ${watermarkMs}`

export function createLinkWrites(
  scripts: LinkCacheScripts,
  { prefix, isCluster }: { readonly prefix: string; readonly isCluster: boolean },
): LinkWrites {
  const keysOf = ({ copy: { domainId, code } }: FreshLink) => [
    entryKey(prefix, domainId, code),
    markKey(prefix, hashTagOf(domainId, code)),
  ]

  async function put(
    links: readonly FreshLink[],
    writer: 'fill' | 'relay',
    knownMarkOf: (link: FreshLink) => string,
  ): Promise<PutOutcome[]> {
    const values = links.flatMap((link) => [encodeBody(link), knownMarkOf(link)])
    const keys = links.flatMap(keysOf)
    const outcomes = await scripts.linkfleetPut(keys.length, ...keys, entryTtlMs, writer, ...values)
    return Array.from(outcomes, (digit) => putOutcomes[Number(digit)] ?? 'failed')
  }

  const fill = (links: readonly FreshLink[]) => put(links, 'fill', () => '')

  async function apply(links: readonly RelayedLink[]): Promise<PutOutcome[]> {
    const wanted = Buffer.allocUnsafe(links.length * 24)
    for (const [place, { copy, generation }] of links.entries()) {
      wanted.writeDoubleBE(copy.timeline, place * 24)
      wanted.writeDoubleBE(copy.version, place * 24 + 8)
      wanted.writeDoubleBE(generation, place * 24 + 16)
    }
    const keys = links.flatMap(keysOf)
    const found = await scripts.linkfleetHas(keys.length, ...keys, wanted)
    const missing = links.filter((_link, place) => found[place] !== '1')
    if (missing.length === 0) return links.map(() => 'kept')
    const written = await put(missing, 'relay', (link) => knownMarkOf(link as RelayedLink))
    let next = 0
    return links.map((_link, place) => (found[place] === '1' ? 'kept' : (written[next++] ?? 'failed')))
  }

  return {
    fill: async (link) => (await fill([link]))[0] ?? 'failed',
    fillAll: (links) => inParts(links, isCluster, fill),
    apply: async (link) => (await apply([link]))[0] ?? 'failed',
    applyAll: (links, onFailure) =>
      inParts(links, isCluster, (part) =>
        apply(part).catch((error: unknown) => {
          onFailure(error)
          return part.map((): PutOutcome => 'failed')
        }),
      ),
  }
}
