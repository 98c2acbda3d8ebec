/**
 * Feeds every live stream of this process from one question a second, whatever instance counted the clicks: the totals
 * of all watched links, and of the fleet where it is watched, in one statement. Nothing is asked while nobody watches.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { LinkfleetError } from '@linkfleet/contracts/errors'
import type { LinkKey, LiveFeed, LiveReading, LiveStream, StatsReader, Totals, Watched } from '../../ports.ts'

export interface LiveFeedOptions {
  readonly stats: Pick<StatsReader, 'live'>
  readonly streamsMax: number
  readonly streamsPerCallerMax: number
  readonly everyMs?: number
}

export function startLiveFeed(options: LiveFeedOptions): LiveFeed & Disposable {
  const { stats, streamsMax, streamsPerCallerMax, everyMs = 1_000 } = options
  const streams = new Set<LiveStream>()
  const placesByCaller = new Map<string, number>()
  let places = 0
  let isAsking = false
  let isClosed = false

  async function askWhileWatched(): Promise<void> {
    if (isAsking) return
    isAsking = true
    try {
      while (streams.size > 0 && !isClosed) {
        const pause = delay(everyMs)
        // Who joins while the database is asked was not asked for: what is not in this answer is not zero.
        const asked = [...streams]
        const read = await readAll(stats, asked)
        for (const stream of asked) if (streams.has(stream)) stream.tick(read?.(stream.watched))
        await pause
      }
    } finally {
      isAsking = false
    }
  }

  return {
    reserve(caller) {
      if (isClosed) throw new LinkfleetError('unavailable', 'This instance is stopping.', wait)
      const ofCaller = placesByCaller.get(caller) ?? 0
      if (ofCaller >= streamsPerCallerMax) {
        const detail = `You have ${ofCaller} live streams open here; at most ${streamsPerCallerMax} are served.`
        throw new LinkfleetError('too-many-requests', detail, wait)
      }
      if (places >= streamsMax)
        throw new LinkfleetError('unavailable', 'All live streams of this instance are taken.', wait)
      places++
      placesByCaller.set(caller, ofCaller + 1)
      let joined: LiveStream | undefined
      let hasLeft = false
      return {
        join(stream) {
          if (hasLeft) return
          if (isClosed) return stream.end()
          joined = stream
          streams.add(stream)
          void askWhileWatched()
        },
        leave() {
          if (hasLeft) return
          hasLeft = true
          places--
          const left = (placesByCaller.get(caller) ?? 1) - 1
          if (left === 0) placesByCaller.delete(caller)
          else placesByCaller.set(caller, left)
          if (joined !== undefined) streams.delete(joined)
        },
      }
    },
    [Symbol.dispose]() {
      isClosed = true
      for (const stream of [...streams]) stream.end()
    },
  }
}

const wait = { retryAfterSeconds: 5 }

type Readings = (watched: Watched) => LiveReading

const keyOf = ({ domainId, code }: LinkKey) => `${domainId} ${code}`

/** undefined while no database answers, which the reader has told of. */
async function readAll(
  stats: LiveFeedOptions['stats'],
  streams: readonly LiveStream[],
): Promise<Readings | undefined> {
  const keys = new Map<string, LinkKey>()
  let hasFleet = false
  for (const { watched } of streams) {
    if (watched === 'fleet') hasFleet = true
    else keys.set(keyOf(watched), watched)
  }
  try {
    const { totals, fleet, asOfMs } = await stats.live([...keys.values()], hasFleet)
    const found = new Map(totals.map((total) => [keyOf(total), total]))
    return (watched) => {
      const { humans, bots } = (watched === 'fleet' ? fleet : found.get(keyOf(watched))) ?? nothing
      return { humans, bots, asOfMs }
    }
  } catch {
    return undefined
  }
}

const nothing: Totals = { humans: 0, bots: 0 }
