/** Ways to get the cache wrong, each put in the place of one part of the real code. The model must find each. */
import { LinkState } from '@linkfleet/contracts/generated/linkfleet/links/v1/link'
import type { FeedMark } from '@linkfleet/contracts/link-changes'
import type { FreshLink } from '@linkfleet/contracts/redis-link-cache'
import { FeedCover } from '../../services/redirect/src/domain/feed-cover.ts'
import { LinkMemory } from '../../services/redirect/src/domain/link-memory.ts'
import type { KnownCopy } from '../../services/redirect/src/ports.ts'
import type { MemoryOptions } from './redirect.ts'
import type { LossyCache, Mistakes } from './world.ts'

/** A gap in the feed changes nothing. */
class DeafMemory extends LinkMemory {
  override markAllNotFresh(): void {}
}

/** What was read since a gap is confirmed by marks from before it. */
class GaplessCover extends FeedCover {
  override gap(): void {}
}

/** Every mark counts as following the one that came before it. */
class CredulousCover extends FeedCover {
  readonly #lastOffsets = new Map<number, number>()
  override marked(mark: FeedMark, partition: number, offset: number, nowMs: number): void {
    const last = this.#lastOffsets.get(partition)
    this.#lastOffsets.set(partition, offset)
    const previous =
      last === undefined ? undefined : { offset: last, takenAtMs: mark.previous?.takenAtMs ?? 0 }
    super.marked({ ...mark, previous }, partition, offset, nowMs)
  }
}

/** That floors are forgotten changes nothing. */
class ForgetfulCover extends FeedCover {
  override forgot(): void {}
}

/** A create that the feed tells of leaves the no that was remembered. */
class StubbornMemory extends LinkMemory {
  readonly #clock: () => number
  constructor(options: MemoryOptions) {
    super(options)
    this.#clock = options.clock
  }
  override change(key: string, known: KnownCopy, epoch: number): void {
    const absence = this.absent(key, this.#clock())
    super.change(key, known, epoch)
    if (absence !== undefined) this.setAbsent(key, absence.sinceMs, absence.tombstone)
  }
}

/** A copy counts as current from the moment it was copied. */
class RenewingMemory extends LinkMemory {
  readonly #clock: () => number
  constructor(options: MemoryOptions) {
    super(options)
    this.#clock = options.clock
  }
  override offer(key: string, known: KnownCopy, epoch: number): KnownCopy {
    return super.offer(key, { ...known, asOfMs: this.#clock() }, epoch)
  }
}

/** A deleted link is taken out of the cache instead of being written as deleted. */
function withoutTombstones(cache: LossyCache): LossyCache {
  async function dropped(link: FreshLink): Promise<boolean> {
    if (link.copy.state !== LinkState.DELETED) return false
    await cache.drop(link.copy.domainId, link.copy.code)
    return true
  }
  const apply: LossyCache['apply'] = async (link) =>
    (await dropped(link)) ? 'stored' : await cache.apply(link)
  return {
    ...cache,
    fill: async (link) => ((await dropped(link)) ? 'stored' : await cache.fill(link)),
    apply,
    applyAll: async (links) => await Promise.all(links.map(apply)),
  }
}

function withUnversionedFills(cache: LossyCache): LossyCache {
  return {
    ...cache,
    async fill(link) {
      await cache.drop(link.copy.domainId, link.copy.code)
      return await cache.fill(link)
    },
  }
}

export const mutants: Readonly<Record<string, Mistakes>> = {
  'a fill that does not look at versions': { cache: withUnversionedFills },
  'a delete that leaves no tombstone': { cache: withoutTombstones },
  'a gap in the feed that leaves memory fresh': { createMemory: (options) => new DeafMemory(options) },
  'a no that is remembered after the create': { createMemory: (options) => new StubbornMemory(options) },
  'a watermark of a heartbeat that came after the snapshot': {
    snapshot: (snapshot, { beatAtMs }) => ({ ...snapshot, heartbeatMs: beatAtMs }),
  },
  'a copy that becomes fresh by being copied': { createMemory: (options) => new RenewingMemory(options) },
}

/** Of what the feed confirms: they need a rarer history than random ones are, so each has one of its own. */
export const coverMutants = {
  leftOut: { mark: (marks, snapshot) => marks.begin({ ...snapshot, isCompleteForKafka: true }) },
  acrossGaps: { createCover: () => new GaplessCover() },
  credulous: { createCover: () => new CredulousCover() },
  forgetful: { createCover: () => new ForgetfulCover() },
} as const satisfies Readonly<Record<string, Mistakes>>
