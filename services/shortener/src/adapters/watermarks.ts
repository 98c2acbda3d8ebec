/**
 * The relay's knowledge of the 64 marks in Redis: adopts them when it takes over, starts new generations when they
 * are gone or of another server, and moves the watermarks. The protocol is told in contracts/redis-link-format.
 */
import type { LinkCopy } from '@linkfleet/contracts/generated/linkfleet/links/v1/link'
import {
  hashTagCount,
  hashTagOf,
  type MarkState,
  type RedisLinkCache,
} from '@linkfleet/contracts/redis-link-cache'
import { momentOf } from '../domain/snapshot-moment.ts'
import type { OutboxSnapshot, PendingChange } from '../ports.ts'
import { WrittenChanges } from './written-changes.ts'

export interface RedisRound {
  /** Versions that are in Redis now. */
  readonly done: readonly number[]
  /** The first thing that went wrong, if anything did. */
  readonly failure: unknown
}

export interface Watermarks {
  /** Applies the snapshot's changes, and moves W of every tag of which nothing is left out. Never throws. */
  apply(snapshot: OutboxSnapshot): Promise<RedisRound>
}

interface KnownMark extends MarkState {
  /** What is written after this moment is of this generation or a later one. */
  readonly knownSinceMs: number
}

const allTags = Array.from({ length: hashTagCount }, (_none, hashTag) => hashTag)

/**
 * `onMoved` is told of the lowest of all watermarks, each time that none of them is unknown. `written`: what this process
 * has put into Redis otherwise.
 */
export function createWatermarks(
  cache: RedisLinkCache,
  onNewGeneration: () => void,
  onMoved: (lowestMs: number) => void = () => {},
  written = new WrittenChanges(),
): Watermarks {
  const marks = new Map<number, KnownMark>()

  /**
   * Takes the mark over if it is of this timeline, else starts a generation that knows only of later moments. One that
   * was never moved may be of a relay that stood still, was succeeded and woke: it knows too little of what was done.
   */
  async function learnMark(hashTag: number, snapshot: OutboxSnapshot): Promise<void> {
    const found = await cache.readMark(hashTag)
    if (found?.timeline === snapshot.timeline && found.watermarkMs > 0 && !marks.has(hashTag)) {
      marks.set(hashTag, { ...found, knownSinceMs: written.now() })
      return
    }
    await renewMark(hashTag, snapshot)
  }

  async function renewMark(hashTag: number, snapshot: OutboxSnapshot): Promise<void> {
    const { timeline, takenAtMs } = snapshot
    const wish = { generation: takenAtMs, timeline, floorMs: momentOf(snapshot) }
    const generation = await cache.renew(hashTag, wish)
    if (generation === undefined) throw new Error(`Timeline ${timeline} is superseded by another in Redis.`)
    marks.set(hashTag, { generation, timeline, watermarkMs: 0, knownSinceMs: written.now() })
    onNewGeneration()
  }

  async function moveMark(hashTag: number, snapshot: OutboxSnapshot): Promise<void> {
    const { heartbeatMs } = snapshot
    const mark = marks.get(hashTag)
    if (mark === undefined || heartbeatMs === undefined || heartbeatMs <= mark.watermarkMs) return
    if (await cache.advance(hashTag, mark, heartbeatMs)) {
      marks.set(hashTag, { ...mark, watermarkMs: heartbeatMs })
    } else {
      // Flushed, restarted, failed over or moved by another relay: what was done so far may be lost.
      await renewMark(hashTag, snapshot)
    }
  }

  return {
    async apply(snapshot) {
      const pending = snapshot.changes.filter((change) => !change.redisDone)
      const done: number[] = []
      const spoiltTags = new Set<number>()
      let failure: unknown
      const failed = (hashTag: number, error: unknown) => {
        failure ??= error
        spoiltTags.add(hashTag)
        marks.delete(hashTag)
      }
      const isKnown = (hashTag: number) => marks.get(hashTag)?.timeline === snapshot.timeline
      const isThere = ({ copy, mark }: { copy: LinkCopy; mark: KnownMark }) =>
        written.isWritten(copy, mark.knownSinceMs)
      // A mark counts from the next snapshot on: this one may be as old as a relay stood still.
      const usable = new Set(allTags.filter(isKnown))
      const unknown = allTags.filter((hashTag) => !usable.has(hashTag))
      await eachTag(unknown, (hashTag) => learnMark(hashTag, snapshot), failed)
      // One copy stands for all rows of its link: the last one's is as new as any.
      const groups = [...byLink(pending).values()]
        .map((changes) => ({ changes, ...freshOf(changes.at(-1) as PendingChange) }))
        .map((group) => ({ ...group, hashTag: hashTagOf(group.copy.domainId, group.copy.code) }))
        .filter(({ hashTag }) => usable.has(hashTag))
        .map((group) => ({ ...group, mark: marks.get(group.hashTag) as KnownMark }))
      const there = new Set(groups.filter(isThere))
      const toSend = groups.filter((group) => !there.has(group))
      const relayed = toSend.map(({ copy, asOfMs, mark: { generation, watermarkMs } }) => {
        return { copy, asOfMs, generation, watermarkMs }
      })
      let reason: unknown
      const outcomes = await cache.applyAll(relayed, (error) => {
        reason = error
      })
      for (const { changes } of there) for (const { version } of changes) done.push(version)
      for (const [place, { changes, hashTag }] of toSend.entries()) {
        const outcome = outcomes[place]
        if (outcome === 'failed') failed(hashTag, reason ?? new Error('Redis cannot write an entry.'))
        else if (outcome === 'other-generation') failed(hashTag, new Error('Redis has another generation.'))
        else for (const { version } of changes) done.push(version)
      }
      for (const version of done) written.forget(version)
      if (snapshot.isCompleteForRedis) {
        const whole = [...usable].filter((hashTag) => !spoiltTags.has(hashTag))
        await eachTag(whole, (hashTag) => moveMark(hashTag, snapshot), failed)
        const lowestMs = Math.min(...allTags.map((hashTag) => marks.get(hashTag)?.watermarkMs ?? 0))
        if (lowestMs > 0) onMoved(lowestMs)
      }
      return { done, failure }
    },
  }
}

/**
 * A snapshot without the changes that are in it for another sink, further on in the order. Each change may carry the copy
 * of its own version, so one that is told to Redis ahead of its turn would leave the older copy of its link to come after it.
 */
export function inTurnForRedis(snapshot: OutboxSnapshot, changesMax: number): OutboxSnapshot {
  return { ...snapshot, changes: snapshot.changes.filter(({ redisDone }) => !redisDone).slice(0, changesMax) }
}

const freshOf = ({ copy, asOfMs }: PendingChange) => ({ copy, asOfMs })

async function eachTag(
  hashTags: readonly number[],
  work: (hashTag: number) => Promise<void>,
  failed: (hashTag: number, error: unknown) => void,
): Promise<void> {
  await Promise.all(
    hashTags.map((hashTag) => work(hashTag).catch((error: unknown) => failed(hashTag, error))),
  )
}

/** Changes by link, in the order of versions within each. */
export function byLink(changes: readonly PendingChange[]): Map<string, PendingChange[]> {
  const groups = new Map<string, PendingChange[]>()
  for (const change of changes) {
    const key = `${change.copy.domainId}:${change.copy.code}`
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [change])
    else group.push(change)
  }
  return groups
}
