/**
 * Puts committed changes into Redis before they are answered, so that the next redirect finds them there. Changes of
 * one turn of the event loop, which are those of one transaction, travel together: one script call and one deadline.
 */
import type { FreshLink, RedisLinkCache } from '@linkfleet/contracts/redis-link-cache'
import { type ReadLink, toCopy } from '../domain/link.ts'
import type { WriteThrough } from '../ports.ts'
import { WrittenChanges } from './written-changes.ts'

/** What an answer may wait for Redis. */
const waitForRedisMs = 40
/** After a failure Redis is left alone for this long, and a slow one is not waited for: it costs one wait, not one for each create. */
const pauseMs = 1_000
/** Writes under way when Redis is slow; more are left to the relay. */
const writesInFlightMax = 4_000

export function openWriteThroughRedis(
  cache: Pick<RedisLinkCache, 'fillAll'>,
  onFailed: (error: unknown) => void,
  written = new WrittenChanges(),
): WriteThrough {
  let pausedUntilMs = 0
  let slowUntilMs = 0
  let inFlight = 0
  let turn: { readonly links: FreshLink[]; readonly written: Promise<void> } | undefined

  function openTurn() {
    const links: FreshLink[] = []
    const { promise, resolve } = Promise.withResolvers<void>()
    setImmediate(() => {
      turn = undefined
      writeAll(links).then(resolve)
    })
    return { links, written: promise }
  }

  /** Never throws; resolves when Redis has answered or its time is up. */
  async function writeAll(links: readonly FreshLink[]): Promise<void> {
    const { promise: late, resolve } = Promise.withResolvers<'late'>()
    const timer = setTimeout(() => resolve('late'), waitForRedisMs)
    const outcome = await Promise.race([fill(links), late])
    clearTimeout(timer)
    if (outcome !== 'late') return
    slowUntilMs = performance.now() + pauseMs
    onFailed(new Error(`Redis took longer than ${waitForRedisMs} ms.`))
  }

  /** Also when nobody waits for it any more: what Redis says it has, the relay need not send again. */
  async function fill(links: readonly FreshLink[]): Promise<void> {
    inFlight += links.length
    const sentAtMs = written.now()
    try {
      const outcomes = await cache.fillAll(links)
      for (const [place, link] of links.entries()) {
        if (outcomes[place] === 'stored') written.add(link, sentAtMs)
      }
    } catch (error) {
      pausedUntilMs = performance.now() + pauseMs
      onFailed(error)
    } finally {
      inFlight -= links.length
    }
  }

  return {
    async write({ link, asOfMs, timeline }: ReadLink) {
      const nowMs = performance.now()
      if (nowMs < pausedUntilMs || inFlight >= writesInFlightMax) return
      turn ??= openTurn()
      turn.links.push({ copy: toCopy(link, timeline), asOfMs })
      if (nowMs >= slowUntilMs) await turn.written
    },
  }
}
